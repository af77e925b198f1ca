package weblogin

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rsc.io/qr"

	"github.com/natsgram/natsgram/handlers/weblogin/weblogintest"
)

// gallery serves every fixture under its name.
func gallery(t *testing.T) *httptest.Server {
	t.Helper()
	f := newTestFace(t)
	code, err := qr.Encode("tg://login?token=c29tZSB0b2tlbiBvZiBhYm91dCB0aGUgcmlnaHQgbGVuZ3Ro", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	views := fixtures()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", f.static())
	mux.HandleFunc("GET /qr.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(code.PNG())
	})
	mux.HandleFunc("GET /updates", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /show/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := f.render(w, http.StatusOK, views[r.PathValue("name")]); err != nil {
			t.Errorf("%s: %v", r.PathValue("name"), err)
		}
	})
	s := httptest.NewServer(weblogintest.Guarded(mux))
	t.Cleanup(s.Close)
	return s
}

func newTestFace(t *testing.T) *face {
	t.Helper()
	f, err := newFace("")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestEveryPageIsSound looks at every page on a telephone and on a desk, in
// light and dark. With NATSGRAM_PICTURES it leaves pictures there: make pictures.
func TestEveryPageIsSound(t *testing.T) {
	server := gallery(t)
	browser := weblogintest.Start(t)
	dir := os.Getenv("NATSGRAM_PICTURES")
	names := slices.Sorted(maps.Keys(fixtures()))
	for _, look := range []struct {
		name          string
		width, height int64
		scheme        string
	}{
		{"phone-light", 390, 844, "light"}, {"desk-dark", 1280, 900, "dark"}, {"phone-dark", 390, 844, "dark"}, {"desk-light", 1280, 900, "light"},
	} {
		tab := browser.Open(t)
		tab.Look(look.width, look.height, look.scheme)
		for i, name := range names {
			// All in light and dark; the pictures in each width as well.
			if dir == "" && i%2 != 0 && strings.HasSuffix(look.name, "phone-dark") {
				continue
			}
			tab.Go(server.URL + "/show/" + name)
			if dir != "" {
				picture := filepath.Join(dir, name+"-"+look.name+".png")
				if err := os.WriteFile(picture, tab.Picture(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			tab.Sound(name + " " + look.name)
		}
	}
}
