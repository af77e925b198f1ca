package matrixtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// TestGapIsFilled plays a homeserver whose second answer leaves out three
// events, then is away for one request, then repeats an event.
func TestGapIsFilled(t *testing.T) {
	events := func(numbers ...int) string {
		parts := make([]string, len(numbers))
		for i, n := range numbers {
			parts[i] = fmt.Sprintf(`{"type":"m.room.message","sender":"@a:x","event_id":"$%d","content":{"msgtype":"m.text","body":"%d"}}`, n, n)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	sync := func(next, timeline string) string {
		const joined = `{"type":"m.room.member","sender":"@me:x","state_key":"@me:x","content":{"membership":"join"}}`
		return fmt.Sprintf(`{"next_batch":%q,"rooms":{"join":{"!r:x":{"state":{"events":[%s]},"timeline":{%s}}}}}`, next, joined, timeline)
	}
	away := true
	homeserver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := "{}"
		switch query := r.URL.Query(); {
		case strings.HasSuffix(r.URL.Path, "/messages") && query.Get("from") == "p2":
			answer = fmt.Sprintf(`{"start":"p2","end":"p1","chunk":%s}`, events(5, 4))
		case strings.HasSuffix(r.URL.Path, "/messages"):
			answer = fmt.Sprintf(`{"start":"p1","end":"p0","chunk":%s}`, events(3, 2, 1))
		case query.Get("since") == "":
			answer = sync("s1", `"events":`+events(1, 2))
		case query.Get("since") == "s1":
			answer = sync("s2", `"limited":true,"prev_batch":"p2","events":`+events(6))
		case query.Get("since") == "s2" && away:
			away = false
			w.WriteHeader(http.StatusBadGateway)
		case query.Get("since") == "s2":
			answer = sync("s3", `"events":`+events(6, 7))
		default:
			<-r.Context().Done() // no news
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer homeserver.Close()
	c, ctx := clientOf(t, homeserver)
	last, err := c.WaitFor(ctx, "!r:x", func(r Room) bool { return r.Event("$7") != nil })
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, evt := range last.Timeline {
		order = append(order, evt.ID.String())
	}
	if got := strings.Join(order, " "); got != "$1 $2 $3 $4 $5 $6 $7" {
		t.Errorf("timeline %s", got)
	}
	if last.Membership != event.MembershipJoin {
		t.Errorf("membership %q", last.Membership)
	}
}

// TestRoomLeftWhileAway plays a homeserver that fails once, and from whose second
// beginning a room is missing that the user was made to leave.
func TestRoomLeftWhileAway(t *testing.T) {
	const joined = `{"state":{"events":[{"type":"m.room.member","sender":"@me:x","state_key":"@me:x","content":{"membership":"join"}}]},"timeline":{"events":[]}}`
	beginnings := 0
	homeserver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch since := r.URL.Query().Get("since"); {
		case strings.HasSuffix(r.URL.Path, "/joined_rooms"):
			_, _ = w.Write([]byte(`{"joined_rooms":["!stay:x"]}`))
		case since == "" && beginnings == 0:
			beginnings++
			_, _ = fmt.Fprintf(w, `{"next_batch":"s1","rooms":{"join":{"!stay:x":%s,"!leave:x":%s}}}`, joined, joined)
		case since == "":
			_, _ = fmt.Fprintf(w, `{"next_batch":"s2","rooms":{"join":{"!stay:x":%s}}}`, joined)
		case since == "s1":
			w.WriteHeader(http.StatusBadGateway)
		default:
			<-r.Context().Done() // no news
		}
	}))
	defer homeserver.Close()
	c, ctx := clientOf(t, homeserver)
	for room, is := range map[id.RoomID]event.Membership{"!leave:x": event.MembershipLeave, "!stay:x": event.MembershipJoin} {
		if _, err := c.WaitFor(ctx, room, func(r Room) bool { return r.Membership == is }); err != nil {
			t.Error(err)
		}
	}
}

// clientOf opens a client of @me:x at a homeserver, until the test ends.
func clientOf(t *testing.T, homeserver *httptest.Server) (*Client, context.Context) {
	t.Helper()
	api, err := mautrix.NewClient(homeserver.URL, "@me:x", "token")
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&Homeserver{}).open(api)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return c, ctx
}

func TestWaitingTellsWhatWasSeenButNotOwnText(t *testing.T) {
	own := &event.Event{Type: event.EventMessage, Sender: "@me:x", Content: event.Content{Parsed: &event.MessageEventContent{Body: "12345"}}}
	bot := &event.Event{Type: event.EventMessage, Sender: "@bot:x", Content: event.Content{Parsed: &event.MessageEventContent{Body: "Send the code"}}}
	text := Room{Timeline: []*event.Event{bot, own}}.describe("@me:x")
	if !strings.Contains(text, "Send the code") || strings.Contains(text, "12345") {
		t.Errorf("described as %s", text)
	}
}
