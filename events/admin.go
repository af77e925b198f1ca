package events

// LogoutOrdered records, among an admin's facts, that they ordered all logins of
// another Matrix user to be ended.
type LogoutOrdered struct {
	User   UID       `json:"user"` // whose
	Logins int       `json:"logins"`
	Sealed RoomFacts `json:"-"`
}

// Type and Personal of each fact about what admins do.

func (*LogoutOrdered) Type() Type      { return "natsgram.auth.logout_ordered.v1" }
func (f *LogoutOrdered) Personal() any { return &f.Sealed }
