// Package matrixtest runs a real homeserver for tests, benchmarks and the
// demo, and stands in for the people who use it.
//
// A [Homeserver] is a Dendrite process of its own on 127.0.0.1, with all its
// data in one directory, so that an outage can be made ([Homeserver.Stop],
// [Homeserver.Kill], [Homeserver.Pause]) and ended ([Homeserver.Start],
// [Homeserver.Resume]) on the same port and data. A [Client] is one user with
// a client open: it acts as the user does and records what the user sees. An
// [Appservice] makes bare calls as a bridge would, as the floor against which
// benchmarks measure. [PutTransaction] plays the homeserver towards a bridge,
// for the events Dendrite never pushes: redactions, typing, receipts.
//
// The package knows Matrix and the homeserver's command line. It knows
// nothing of the bridge: no event, no projection, no handler.
//
// Dendrite is a program of its own under the AGPL. It is built from the module
// in cmd/homeserver by "make homeserver" and run as a separate process;
// nothing of it is linked in here.
//
// A registration holds the bridge's address, so a test picks the bridge's port
// first:
//
//	port, err := matrixtest.FreePort()
//	…write registration.yaml with http://127.0.0.1:port…
//	hs := matrixtest.ForTest(t, matrixtest.Options{RegistrationFiles: []string{"registration.yaml"}})
//	alice, err := hs.Register(ctx, "alice", "correct horse")
//	room, err := alice.CreateDM(ctx, bot)
//	sent, err := alice.SendText(ctx, room, "login")
//	reply, err := alice.WaitMessage(ctx, room, sent, matrixtest.From(bot))
//
// Start-up takes 0.2–1 s. Tests of one package should share a homeserver,
// started in a parent test or in TestMain, and use different user names.
package matrixtest
