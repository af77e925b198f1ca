package weblogin

import "net/http"

// toLogin leads from where a form was sent to the login: without script, a page
// that answers a form stands at the form's address, and is loaded anew from there.
func (s *Site) toLogin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, s.base+"/login", http.StatusSeeOther)
}

// only refuses all methods at a path but those that are allowed, which have
// handlers of their own.
func (s *Site) only(mux *http.ServeMux, path, allowed string) {
	mux.HandleFunc(s.base+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.instead(w, r, http.StatusMethodNotAllowed, kindMethod)
	})
}
