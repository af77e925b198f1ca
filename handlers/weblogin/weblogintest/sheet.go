package weblogintest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// sheetAgent is what a Sheet calls itself: what the bot tells of a browser is the
// same for both kinds.
const sheetAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// Sheet is the simplest browser there is: it has addresses, cookies, links and
// forms, and nothing runs or is drawn in it. It costs next to nothing, where many
// pages have to be gone through that look alike. Its methods end the test if they
// fail; selectors are those of CSS.
type Sheet struct {
	t      testing.TB
	client *http.Client
	url    *url.URL
	page   *html.Node
}

// NewSheet is a browser that has not opened anything.
func NewSheet(t testing.TB) *Sheet {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Sheet{t: t, client: &http.Client{Jar: homeJar{jar}, Timeout: patience}, url: &url.URL{}}
}

// homeJar sends what is for TLS alone to this machine, too, as browsers do.
type homeJar struct{ *cookiejar.Jar }

func (j homeJar) Cookies(u *url.URL) []*http.Cookie { return j.Jar.Cookies(overTLS(u)) }

func (j homeJar) SetCookies(u *url.URL, all []*http.Cookie) { j.Jar.SetCookies(overTLS(u), all) }

func overTLS(u *url.URL) *url.URL {
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// Go opens an address.
func (s *Sheet) Go(address string) {
	s.t.Helper()
	s.open(http.MethodGet, address, nil)
}

// Follow opens where the first link leads that a selector finds. It reports
// whether there is one.
func (s *Sheet) Follow(selector string) bool {
	s.t.Helper()
	link := s.find(selector)
	if link != nil {
		s.Go(attribute(link, "href"))
	}
	return link != nil
}

// Press sends the form of a button.
func (s *Sheet) Press(button string) {
	s.t.Helper()
	b := s.want(button)
	form := b.Parent
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		s.t.Fatalf("%s is in no form", button)
	}
	values := url.Values{}
	for _, field := range cascadia.QueryAll(form, cascadia.MustCompile("input[name]")) {
		value := attribute(field, "value")
		if value == "" && has(field, "required") {
			s.t.Fatalf("%s: no browser sends it without %s", button, attribute(field, "name"))
		}
		values.Add(attribute(field, "name"), value)
	}
	if name := attribute(b, "name"); name != "" {
		values.Add(name, attribute(b, "value"))
	}
	s.open(http.MethodPost, attribute(form, "action"), values)
}

// Paste puts a text into a field in place of what is there.
func (s *Sheet) Paste(selector, value string) {
	s.t.Helper()
	field := s.want(selector)
	for i, a := range field.Attr {
		if a.Key == "value" {
			field.Attr[i].Val = value
			return
		}
	}
	field.Attr = append(field.Attr, html.Attribute{Key: "value", Val: value})
}

// Has reports whether the page has an element.
func (s *Sheet) Has(selector string) bool {
	s.t.Helper()
	return s.find(selector) != nil
}

// Reads are the words of the first element that a selector finds, if any.
func (s *Sheet) Reads(selector string) string {
	s.t.Helper()
	var words strings.Builder
	if e := s.find(selector); e != nil {
		for n := range e.Descendants() {
			if n.Type == html.TextNode {
				words.WriteString(n.Data)
			}
		}
	}
	return words.String()
}

// Attributes are the values of an attribute of all elements that a selector finds.
func (s *Sheet) Attributes(selector, name string) (values []string) {
	s.t.Helper()
	if s.page == nil {
		return nil
	}
	for _, e := range cascadia.QueryAll(s.page, cascadia.MustCompile(selector)) {
		values = append(values, attribute(e, name))
	}
	return values
}

// Shot is the file of a picture.
func (s *Sheet) Shot(selector string) []byte {
	s.t.Helper()
	_, body := s.fetch(http.MethodGet, attribute(s.want(selector), "src"), nil)
	return body
}

// Cookies are the values of the cookies that the browser keeps for the page.
func (s *Sheet) Cookies() (values []string) {
	for _, c := range s.client.Jar.Cookies(s.url) {
		values = append(values, c.Value)
	}
	return values
}

// Breaches are what the policy would not let a browser do with the page: scripts
// and styles within it.
func (s *Sheet) Breaches() (all []string) {
	for n := range s.page.Descendants() {
		inline := n.Data == "style" || n.Data == "script" && !has(n, "src")
		for _, a := range n.Attr {
			inline = inline || a.Key == "style" || strings.HasPrefix(a.Key, "on")
		}
		if n.Type == html.ElementNode && inline {
			all = append(all, "a script or style within the page: "+n.Data)
		}
	}
	return all
}

func (s *Sheet) open(method, address string, form url.Values) {
	s.t.Helper()
	at, body := s.fetch(method, address, form)
	page, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatalf("%s: %v", at.Path, err)
	}
	s.url, s.page = at, page
}

// fetch returns what stands at an address, and at which it stood in the end.
func (s *Sheet) fetch(method, address string, form url.Values) (at *url.URL, body []byte) {
	s.t.Helper()
	to, err := s.url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("User-Agent", sheetAgent)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(resp.Body); err != nil {
		s.t.Fatal(err)
	}
	return resp.Request.URL, body
}

func (s *Sheet) want(selector string) *html.Node {
	s.t.Helper()
	e := s.find(selector)
	if e == nil {
		s.t.Fatalf("%s has no %s", s.url.Path, selector)
	}
	return e
}

func (s *Sheet) find(selector string) *html.Node {
	s.t.Helper()
	if s.page == nil {
		return nil
	}
	return cascadia.Query(s.page, cascadia.MustCompile(selector))
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
