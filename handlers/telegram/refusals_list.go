package telegram

import "github.com/natsgram/natsgram/events"

// Refusal is a row of the table of refusals, as others may read it.
type Refusal struct {
	Error   string
	Code    int
	Methods []string // that document it; none: any may answer so
	Reason  events.Refusal
	Next    events.Step // what is asked for then; empty: the same again
	Final   bool        // the attempt ends
}

// Refusals is the table of refusals.
func Refusals() []Refusal {
	var list []Refusal
	for _, r := range refusals() {
		list = append(list, Refusal{r.error, r.code, r.methods, r.reason, r.next, r.final})
	}
	return list
}
