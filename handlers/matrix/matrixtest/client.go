package matrixtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
	"maunium.net/go/mautrix/synapseadmin"
)

// Client is one user with one client open: it acts as the user does and keeps
// what the user sees. It goes on syncing through a homeserver's outage. Its
// methods may be called from any goroutine.
type Client struct {
	api    *mautrix.Client
	view   *view
	cancel context.CancelFunc
	done   chan struct{} // closed when the sync loop has ended

	startOver atomic.Bool // set when the homeserver went away: see syncUntil
}

// Register makes a new user and opens a client for them. A password has at
// least nine characters. A name that is taken is the error mautrix.MUserInUse:
// see Login.
func (hs *Homeserver) Register(ctx context.Context, localpart, password string) (*Client, error) {
	api, err := hs.api()
	if err != nil {
		return nil, err
	}
	admin := synapseadmin.Client{Client: api}
	user, err := admin.SharedSecretRegister(ctx, hs.secret, synapseadmin.ReqSharedSecretRegister{
		Username: localpart,
		Password: password,
	})
	if err != nil {
		return nil, fmt.Errorf("matrixtest: register %s: %w", localpart, err)
	}
	api.UserID, api.AccessToken, api.DeviceID = user.UserID, user.AccessToken, user.DeviceID
	return hs.open(api)
}

// Login opens another client for a user there is. It sees the rooms the user is in.
func (hs *Homeserver) Login(ctx context.Context, localpart, password string) (*Client, error) {
	api, err := hs.api()
	if err != nil {
		return nil, err
	}
	_, err = api.Login(ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: localpart},
		Password:         password,
		StoreCredentials: true,
	})
	if err != nil {
		return nil, fmt.Errorf("matrixtest: log in %s: %w", localpart, err)
	}
	return hs.open(api)
}

func (hs *Homeserver) api() (*mautrix.Client, error) {
	api, err := mautrix.NewClient(hs.URL(), "", "")
	if err != nil {
		return nil, fmt.Errorf("matrixtest: %w", err)
	}
	api.Client.Transport = http.DefaultTransport.(*http.Transport).Clone()
	return api, nil
}

// open starts the sync loop and lists the client for Close.
func (hs *Homeserver) open(api *mautrix.Client) (*Client, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.closed {
		return nil, errors.New("matrixtest: the homeserver is closed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{api: api, view: newView(api.UserID), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.syncUntil(ctx)
	}()
	hs.clients = append(hs.clients, c)
	return c, nil
}

// UserID is the user's full ID.
func (c *Client) UserID() id.UserID { return c.api.UserID }

// API is the plain client of this user, for calls that have no method here.
func (c *Client) API() *mautrix.Client { return c.api }

// Close ends the sync loop and whoever waits on this client. The user stays
// logged in. Closing the homeserver closes its clients.
func (c *Client) Close() {
	c.cancel()
	<-c.done
	c.api.Client.CloseIdleConnections()
}
