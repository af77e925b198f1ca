package matrixtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Appservice makes a bridge's calls with nothing around them: no log, no retry,
// no library. What a bridge takes longer than this is the bridge's own.
type Appservice struct {
	url, token string
	client     *http.Client
}

// StatusError is an answer other than 200.
type StatusError struct {
	Code int
	Body string // its beginning
}

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Code, e.Body) }

// Appservice returns a caller with the as_token of one of the registrations.
func (hs *Homeserver) Appservice(asToken string) *Appservice {
	return &Appservice{url: hs.URL(), token: asToken, client: &http.Client{Timeout: time.Minute}}
}

// CreateRoomLean makes a private room as the appservice's bot, in one call with
// as little as a portal needs: a name, one invite and power levels (nil for the
// homeserver's own).
func (as *Appservice) CreateRoomLean(ctx context.Context, invite id.UserID, name string, levels *event.PowerLevelsEventContent) (id.RoomID, error) {
	req := map[string]any{"preset": "private_chat", "name": name, "invite": []id.UserID{invite}}
	if levels != nil {
		req["power_level_content_override"] = levels
	}
	var resp struct {
		RoomID id.RoomID `json:"room_id"`
	}
	err := as.call(ctx, http.MethodPost, "/_matrix/client/v3/createRoom", req, &resp)
	return resp.RoomID, err
}

// SendAsBot sends one plain message as the appservice's bot. The transaction ID
// is the caller's: the homeserver answers a repeated one with the first event.
func (as *Appservice) SendAsBot(ctx context.Context, room id.RoomID, txnID, text string) (id.EventID, error) {
	var resp struct {
		EventID id.EventID `json:"event_id"`
	}
	path := "/_matrix/client/v3/rooms/" + url.PathEscape(room.String()) + "/send/m.room.message/" + url.PathEscape(txnID)
	err := as.call(ctx, http.MethodPut, path, map[string]any{"msgtype": "m.text", "body": text}, &resp)
	return resp.EventID, err
}

// SendLoop sends n messages one after the other as the appservice's bot and
// returns how long each took. The prefix makes their transaction IDs unique.
func (as *Appservice) SendLoop(ctx context.Context, room id.RoomID, prefix string, n int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		if _, err := as.SendAsBot(ctx, room, fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf("message %d", i)); err != nil {
			return took[:i], err
		}
		took[i] = time.Since(start)
	}
	return took, nil
}

func (as *Appservice) call(ctx context.Context, method, path string, body, answer any) error {
	return callJSON(ctx, as.client, method, as.url+path, as.token, body, answer)
}

// callJSON makes one call and reads its answer, unless answer is nil.
func callJSON(ctx context.Context, client *http.Client, method, url, token string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		start, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return &StatusError{Code: resp.StatusCode, Body: string(start)}
	}
	if answer == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
