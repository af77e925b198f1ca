// Package provisioningtest calls the provisioning API as programs do and holds
// every answer against its OpenAPI description, and against bridgev2's, by which
// those programs were written.
package provisioningtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"
)

// Client calls the API for one user. Copy it to call for another.
type Client struct {
	T     testing.TB
	URL   string // of the bridge
	Token string
	User  string // user_id, unless empty
	HTTP  *http.Client

	ours, theirs routers.Router
}

// New reads the description that the API serves, and checks it.
func New(ctx context.Context, t testing.TB, address, token, user string) Client {
	t.Helper()
	c := Client{T: t, URL: address, Token: token, User: user, HTTP: http.DefaultClient}
	resp, err := c.HTTP.Get(address + "/_matrix/provision/v3/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the description: %d, %v", resp.StatusCode, err)
	}
	c.ours, err = routerOf(ctx, data)
	if err == nil {
		c.theirs, err = bridgev2(ctx)
	}
	if err != nil {
		t.Fatalf("the description: %v", err)
	}
	return c
}

// Answer is what a call came to.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	ErrCode string `json:"errcode"`
	Error   string `json:"error"`
	Wait    int64  `json:"retry_after_ms"`
	Step
}

// Step is a step of a login process.
type Step struct {
	Process      string `json:"login_id"`
	Type         string `json:"type"`
	ID           string `json:"step_id"`
	Txn          string `json:"txn_id"`
	Instructions string `json:"instructions"`
	Input        struct {
		Fields []struct{ Type, ID string }
	} `json:"user_input"`
	Show     struct{ Type, Data string } `json:"display_and_wait"`
	Complete struct {
		Login string `json:"user_login_id"`
	}
}

// Get calls an endpoint below v3.
func (c Client) Get(ctx context.Context, path string) Answer {
	c.T.Helper()
	return c.Do(ctx, http.MethodGet, path, nil)
}

// Start begins a login process.
func (c Client) Start(ctx context.Context, flow string) Answer {
	c.T.Helper()
	return c.Do(ctx, http.MethodPost, "login/start/"+flow, nil)
}

// Give answers a step with the values of its fields, in their order. Named says
// that the call names the step's transaction.
func (c Client) Give(ctx context.Context, at Step, named bool, values ...string) Answer {
	c.T.Helper()
	given := map[string]string{}
	for i, f := range at.Input.Fields {
		if i < len(values) {
			given[f.ID] = values[i]
		}
	}
	body, err := json.Marshal(given)
	if err != nil {
		c.T.Fatal(err)
	}
	return c.post(ctx, at, named, body)
}

// Wait waits with a step.
func (c Client) Wait(ctx context.Context, at Step, named bool) Answer {
	c.T.Helper()
	return c.post(ctx, at, named, nil)
}

func (c Client) post(ctx context.Context, at Step, named bool, body []byte) Answer {
	c.T.Helper()
	path := fmt.Sprintf("login/step/%s/%s/%s", at.Process, at.ID, at.Type)
	if named {
		path += "?txn_id=" + url.QueryEscape(at.Txn)
	}
	return c.Do(ctx, http.MethodPost, path, body)
}

// Do calls an endpoint below v3 and holds the answer against the description.
func (c Client) Do(ctx context.Context, method, path string, body []byte) Answer {
	c.T.Helper()
	if c.User != "" {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		path += mark + "user_id=" + url.QueryEscape(c.User)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/_matrix/provision/v3/"+path, bytes.NewReader(body))
	if err != nil {
		c.T.Fatal(err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		c.T.Errorf("%s %s: %v", method, path, err)
		return Answer{}
	}
	defer func() { _ = resp.Body.Close() }()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Body, err = io.ReadAll(resp.Body); err == nil && len(a.Body) > 0 {
		err = json.Unmarshal(a.Body, &a)
	}
	if err != nil {
		c.T.Errorf("%s %s: %d, %v", method, path, a.Status, err)
	}
	c.check(ctx, req, a)
	return a
}
