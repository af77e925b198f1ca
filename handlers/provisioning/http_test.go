package provisioning

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestACallerThatHangsUp is noticed, though the call's body was read with a
// deadline before.
func TestACallerThatHangsUp(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	h.server.wait = time.Millisecond
	at := h.expect(c.Start(within(t), "qr"), "wait")
	h.server.wait = time.Hour
	h.left = make(chan error, 1)
	gone, cancel := context.WithCancel(within(t))
	req, err := http.NewRequestWithContext(gone, http.MethodPost, h.url+Prefix+"v3/login/step/"+at.Process+"/"+at.ID+"/"+at.Type+"?user_id="+alice, nil)
	check(t, err)
	req.Header.Set("Authorization", "Bearer "+sharedSecret)
	hungUp := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(req)
		hungUp <- err
	}()
	u, _ := h.users.ByMatrixID(alice)
	tick, soon := time.NewTicker(time.Millisecond), within(t)
	defer tick.Stop()
	for !h.waits(u.UID) { // nothing tells of it
		select {
		case <-tick.C:
		case <-soon.Done():
			t.Fatal("the call did not come")
		}
	}
	cancel()
	if err := <-hungUp; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case err := <-h.left:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the call ended with %v", err)
		}
	case <-within(t).Done():
		t.Error("the call goes on")
	}
}

// TestABodyThatDoesNotCome is not waited for.
func TestABodyThatDoesNotCome(t *testing.T) {
	h := newHouse(t)
	_, code := h.atCode()
	h.server.now = func() time.Time { return time.Now().Add(-bodyTime) } // its time is over at once
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	path := Prefix + "v3/login/step/" + code.Process + "/" + code.ID + "/user_input?user_id=" + alice
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, h.url+path, body)
	check(t, err)
	req.Header.Set("Authorization", "Bearer "+sharedSecret)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%d", resp.StatusCode)
	}
}

// TestManyStartsAreOne: programs that begin at once share a process.
func TestManyStartsAreOne(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	var calls sync.WaitGroup
	bodies := make([]string, 8)
	for i := range bodies {
		calls.Go(func() { bodies[i] = string(c.Start(within(t), "phone").Body) })
	}
	calls.Wait()
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("%s\nand\n%s", bodies[0], body)
		}
	}
}
