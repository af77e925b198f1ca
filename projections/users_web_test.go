package projections_test

import (
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// TestWhatAnAttemptWasToReviveOutlivesIt holds that after the attempt it is known
// still which login it was for.
func TestWhatAnAttemptWasToReviveOutlivesIt(t *testing.T) {
	for _, revives := range []events.LoginID{"l", ""} {
		us := projections.NewUsers()
		for i, fact := range []events.Fact{
			&events.LoginStarted{Attempt: "a", Login: revives},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedTimeout},
		} {
			us.Apply(events.Event{Aggregate: events.Aggregate{Stream: events.Auth, UID: "u"}, Seq: uint64(i + 1), Fact: fact})
		}
		if o := us.Get("u").Over; o == nil || o.Revives != revives || o.Login != "" {
			t.Errorf("after the end of %q: %+v", revives, o)
		}
	}
}
