package provisioningtest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// theirServer is where bridgev2's description says that a bridge is.
const theirServer = "localhost:8080"

// routerOf reads and checks a description.
func routerOf(ctx context.Context, data []byte) (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(ctx); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
}

// bridgev2 reads the description that comes with the Matrix library, in the
// version that go.mod pins.
func bridgev2(ctx context.Context) (routers.Router, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "maunium.net/go/mautrix").Output()
	if err != nil {
		return nil, fmt.Errorf("find the Matrix library: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "bridgev2", "matrix", "provisioning.yaml"))
	if err != nil {
		return nil, err
	}
	return routerOf(ctx, data)
}

// check holds an answer against the descriptions. What ours does not know has to
// be refused; of theirs, only what is no error counts: our reasons are more.
func (c Client) check(ctx context.Context, req *http.Request, a Answer) {
	c.T.Helper()
	known := req.Clone(ctx)
	known.URL.Scheme, known.URL.Host, known.Host = "", "", ""
	route, params, err := c.ours.FindRoute(known)
	if err != nil {
		if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed || a.ErrCode != "M_UNRECOGNIZED" {
			c.T.Errorf("%s %s, which the description does not know (%v), is answered with %d %s", req.Method, req.URL.Path, err, a.Status, a.Body)
		}
		return
	}
	if err := fits(ctx, known, route, params, a); err != nil {
		c.T.Errorf("%s %s: the answer is not as described: %v", req.Method, req.URL.Path, err)
	}
	known.URL.Scheme, known.URL.Host, known.Host = "http", theirServer, theirServer
	if a.Status != http.StatusOK || strings.HasSuffix(req.URL.Path, "/capabilities") {
		return // of which theirs says nothing
	}
	if route, params, err = c.theirs.FindRoute(known); err != nil {
		c.T.Errorf("%s %s: bridgev2's description does not know it: %v", req.Method, req.URL.Path, err)
		return
	}
	if err := fits(ctx, known, route, params, a); err != nil {
		c.T.Errorf("%s %s: the answer is not as bridgev2 describes it: %v", req.Method, req.URL.Path, err)
	}
}

func fits(ctx context.Context, req *http.Request, route *routers.Route, params map[string]string, a Answer) error {
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.Status, Header: a.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	return openapi3filter.ValidateResponse(ctx, input.SetBodyBytes(a.Body))
}
