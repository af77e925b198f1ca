package weblogin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var assetFiles embed.FS

// face makes pages of views.
type face struct {
	base    string
	tongues *tongues
	pages   map[string]*template.Template // by language
	assets  map[string]asset              // by the name under which they are served
}

// asset is a file that never changes under its name: the name has its hash.
type asset struct {
	kind    string
	content []byte
}

// newFace reads what the pages are made of. base is the path before all links.
func newFace(base string) (*face, error) {
	f := &face{base: base, pages: map[string]*template.Template{}, assets: map[string]asset{}}
	var err error
	if f.tongues, err = readTexts(); err != nil {
		return nil, err
	}
	names, err := f.readAssets()
	if err != nil {
		return nil, err
	}
	for _, t := range f.tongues.all {
		page, err := template.New("").Funcs(functions(t, base, names)).ParseFS(templateFiles, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("templates in %s: %w", t.Tag, err)
		}
		f.pages[t.Tag] = page
	}
	return f, nil
}

// functions is what the templates call.
func functions(t *tongue, base string, assets map[string]string) template.FuncMap {
	return template.FuncMap{
		"say":   func(key string, args ...any) template.HTML { return t.rich(say(key, args...)) },
		"plain": func(key string, args ...any) string { return t.plain(say(key, args...)) },
		"text":  t.rich,
		"words": t.plain,
		"count": t.countdown,
		"seconds": func(wait time.Duration) template.HTML {
			return t.countdown(moment{At: time.Time{}.Add(wait)})
		},
		"clock": func(at time.Time) string { return at.UTC().Format("15:04") },
		"lang":  func() string { return t.Tag },
		"asset": func(name string) string { return base + "/static/" + assets[name] },
		// A link of the bridge's own making, to the Telegram app.
		"app": func(link string) template.URL { return template.URL(link) },
		// A countdown in a text of its own.
		"counting": func(what text, m moment) template.HTML {
			what.args = map[string]any{"left": t.countdown(m)}
			return t.rich(what)
		},
	}
}

// readAssets returns the names under which the files are served.
func (f *face) readAssets() (map[string]string, error) {
	entries, err := assetFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	names := map[string]string{}
	for _, entry := range entries {
		content, err := assetFiles.ReadFile(path.Join("static", entry.Name()))
		if err != nil {
			return nil, err
		}
		sum, ext := sha256.Sum256(content), path.Ext(entry.Name())
		hashed := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		names[entry.Name()], f.assets[hashed] = hashed, asset{kind: kinds[ext], content: content}
	}
	return names, nil
}

// render answers with the page of a view. The headers that are the same for all
// pages are the server's.
func (f *face) render(w http.ResponseWriter, status int, v view) error {
	v.Base = f.base
	t := f.tongues.pick(v.Languages)
	var page bytes.Buffer
	if err := f.pages[t.Tag].ExecuteTemplate(&page, "page", v); err != nil {
		return fmt.Errorf("render %s: %w", v.Kind, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", t.Tag)
	w.Header().Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, err := w.Write(page.Bytes())
	return err
}

// static serves the style sheet, the script and the icon, by the last element of
// the path.
func (f *face) static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := f.assets[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", a.kind)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
	})
}
