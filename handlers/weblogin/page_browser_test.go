package weblogin

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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
	s := httptest.NewServer(weblogintest.Guarded(policy, mux))
	t.Cleanup(func() {
		s.CloseClientConnections() // pages that listen
		s.Close()
	})
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

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	scheme        string
}

// looks are on a telephone and on a desk, in light and dark. The first two show
// all there is to find: the others are for who looks at the pictures.
func looks(pictures bool) []look {
	all := []look{
		{"phone-light", 390, 844, "light"}, {"desk-dark", 1280, 900, "dark"},
		{"phone-dark", 390, 844, "dark"}, {"desk-light", 1280, 900, "light"},
	}
	if pictures {
		return all
	}
	return all[:2]
}

// TestEveryPageIsSound holds every page against the rules. With NATSGRAM_PICTURES
// it leaves pictures in that directory: make pictures.
func TestEveryPageIsSound(t *testing.T) {
	server := gallery(t)
	browser := weblogintest.Start(t)
	dir := os.Getenv("NATSGRAM_PICTURES")
	names := slices.Sorted(maps.Keys(fixtures()))
	var rules []string // all, at first; then those for which the look matters
	for _, l := range looks(dir != "") {
		tab := browser.Open(t)
		tab.Look(l.width, l.height, l.scheme)
		for _, name := range names {
			tab.Go(server.URL + "/show/" + name)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+"-"+l.name+".png"), tab.Picture(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			tab.Sound(name+" "+l.name, rules...)
		}
		rules = []string{"color-contrast", "target-size", "link-in-text-block"}
	}
}
