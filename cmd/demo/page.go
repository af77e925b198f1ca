package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"maunium.net/go/mautrix/id"
)

// bobPhone is the account that Alice adds on the login page.
const bobPhone = "+447700900124"

// onThePage adds an account on the login page, as a browser without script does:
// nothing secret passes through the room.
func (st *stage) onThePage(ctx context.Context, room id.RoomID, last id.EventID) (id.EventID, error) {
	link, last, err := st.askForLink(ctx, room, last)
	if err != nil {
		return "", err
	}
	page, token, _ := strings.Cut(link, "#")
	v := &visitor{site: strings.TrimSuffix(page, "/link")}
	if err := v.post(ctx, "/link", url.Values{"token": {token}}, "phone"); err != nil {
		return "", fmt.Errorf("the link does not open the page: %w", err)
	}
	for _, step := range []struct{ field, value, next string }{
		{"phone", "12", "phone"}, // and says what is wrong with it
		{"phone", bobPhone, "code"},
		{"code", code, ""},
	} {
		st.screen.left("page   ◂ ", step.field+": "+step.value)
		if err := v.answer(ctx, step.field, step.value, step.next); err != nil {
			return "", fmt.Errorf("after the %s on the page: %w", step.field, err)
		}
	}
	return st.hear(ctx, room, last, "It was done on the login page")
}

// askForLink has alice ask the bot for a link to the page.
func (st *stage) askForLink(ctx context.Context, room id.RoomID, last id.EventID) (link string, heard id.EventID, err error) {
	st.screen.user("login")
	if _, err := st.user.SendText(ctx, room, "login"); err != nil {
		return "", "", err
	}
	if heard, err = st.hear(ctx, room, last, "Open this page to log in"); err != nil {
		return "", "", err
	}
	text, _ := st.user.Room(room).Text(heard)
	if link = regexp.MustCompile(`http\S+#\S+`).FindString(text); link == "" {
		return "", "", errors.New("the bot gave no link")
	}
	return link, heard, nil
}

// visitor is a browser without script.
type visitor struct {
	site, cookie, page string
}

// answer fills in the field of the form that the page shows, and expects the next.
func (v *visitor) answer(ctx context.Context, field, value, next string) error {
	return v.post(ctx, "/answer", url.Values{"form": {v.hidden("form")}, "step": {v.hidden("step")}, field: {value}}, next)
}

// hidden is the value of a hidden field of the page.
func (v *visitor) hidden(name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(v.page)
	if m == nil {
		return ""
	}
	return m[1]
}

// post sends a form, goes where it leads, and looks for the field of the next.
func (v *visitor) post(ctx context.Context, path string, form url.Values, next string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := v.fetch(req); err != nil {
		return err
	}
	if req, err = http.NewRequestWithContext(ctx, http.MethodGet, v.site+"/login", nil); err != nil {
		return err
	}
	if err := v.fetch(req); err != nil {
		return err
	}
	if next != "" && !strings.Contains(v.page, `name="`+next+`"`) {
		return fmt.Errorf("the page does not ask for %q", next)
	}
	return nil
}

func (v *visitor) fetch(req *http.Request) error {
	if v.cookie != "" {
		req.Header.Set("Cookie", v.cookie)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		v.cookie = c.Name + "=" + c.Value
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	v.page = string(body)
	return err
}
