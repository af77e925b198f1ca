package management

import (
	"time"

	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// manyLinksWords says when there may be another link to the login page.
func manyLinksWords(u projections.User, at time.Time) notice {
	n := line("You have had %d links to the login page within %s. The newest is good until it was used or its time is over.", login.MaxLinks, span(login.LinksWithin))
	if i := len(u.Links) - login.MaxLinks; i >= 0 {
		n = n.and(line("You can have another %s.", waitUntil(u.Links[i].Made.Add(login.LinksWithin), at)))
	}
	return n
}
