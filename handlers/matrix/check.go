package matrix

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/id"
)

// Finding is one thing that Check looked at.
type Finding struct {
	What string // in a few words
	OK   bool
	// Unknown says that it could not be checked; then OK is false and Fix says why.
	Unknown bool
	Fix     string // what to do, if it is not OK
}

// Check looks at the homeserver from the bridge's side. It changes nothing. The
// bridge's HTTP server should be running for the last of its questions.
func Check(ctx context.Context, cfg Config) []Finding {
	b, err := New(cfg, Deps{})
	if err != nil {
		return []Finding{{What: "configuration", Fix: err.Error()}}
	}
	versions, finding := b.checkVersions(ctx)
	findings := []Finding{finding}
	if versions == nil {
		return findings
	}
	finding = b.checkToken(ctx)
	findings = append(findings, finding)
	if !finding.OK {
		return findings
	}
	return append(findings, b.checkPing(ctx, versions))
}

func (b *Bridge) checkVersions(ctx context.Context) (versions *mautrix.RespVersions, f Finding) {
	f = Finding{What: "the homeserver answers at " + b.cfg.HomeserverURL}
	err := b.hs.call(ctx, "versions", callDeadline, func(ctx context.Context) (err error) {
		versions, err = b.hs.as("").Versions(ctx)
		return err
	})
	switch {
	case err != nil:
		f.Fix = fmt.Sprintf("start the homeserver, or correct its address in the configuration (%v)", err)
		return nil, f
	case versions == nil || len(versions.Versions) == 0:
		f.Fix = "something answers there, but it is no Matrix homeserver: correct the address in the configuration"
		return nil, f
	}
	f.OK = true
	return versions, f
}

// checkToken asks who the bot is: only a homeserver that has the registration
// knows the token, and only one that made the bot knows it by name.
func (b *Bridge) checkToken(ctx context.Context) Finding {
	f := Finding{What: "the homeserver knows the bridge and its bot " + b.cfg.bot().String()}
	var who *mautrix.RespWhoami
	_, err := b.whoami(ctx, &who)
	var answer mautrix.HTTPError
	switch {
	case err == nil && who.UserID != b.cfg.bot():
		f.Fix = fmt.Sprintf("the homeserver takes the as_token for %s: make sender_localpart and server name agree in configuration and registration", who.UserID)
	case err == nil:
		f.OK = true
	case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MMissingToken):
		f.Fix = "the homeserver does not know the as_token: give it the bridge's registration.yaml (Synapse: app_service_config_files; " +
			"Dendrite: app_service_api.config_files) and restart it"
	case errors.Is(err, mautrix.MForbidden):
		f.Fix = "the bot is not registered yet (the bridge does that when it starts), or the registration has another sender_localpart or server name"
	case errors.As(err, &answer) && answer.Response != nil:
		f.Fix = fmt.Sprintf("the homeserver answers HTTP %d: see its log", answer.Response.StatusCode)
	default:
		f.Fix = fmt.Sprintf("the homeserver stopped answering (%v)", bare(err))
	}
	return f
}

func (b *Bridge) whoami(ctx context.Context, who **mautrix.RespWhoami) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	resp, err := b.hs.as(b.cfg.bot()).Whoami(ctx)
	*who = resp
	return err == nil, err
}

// checkPing lets the homeserver call the bridge, if it can.
func (b *Bridge) checkPing(ctx context.Context, versions *mautrix.RespVersions) Finding {
	f := Finding{What: "the homeserver reaches the bridge"}
	if !versions.Supports(mautrix.FeatureAppservicePing) {
		f.Unknown = true
		f.Fix = "this homeserver can't be asked (no appservice ping): invite " + b.cfg.bot().String() + " to a chat and see whether it answers"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	_, err := b.hs.as(b.cfg.bot()).AppservicePing(ctx, b.cfg.AppserviceID, "natsgram-check")
	switch {
	case err == nil:
		f.OK = true
	case errors.Is(err, mautrix.MURLNotSet):
		f.Fix = "the registration has no url: set it to where the homeserver reaches the bridge"
	case errors.Is(err, mautrix.MConnectionFailed), errors.Is(err, mautrix.MConnectionTimeout):
		f.Fix = "the homeserver can't connect to the url of the registration: is the bridge running, and the address right as seen from the homeserver?"
	case errors.Is(err, mautrix.MBadStatus):
		f.Fix = "something refuses the homeserver at the url of the registration: the hs_token differs between configuration and registration, or it is another program"
	case errors.Is(err, mautrix.MForbidden):
		f.Fix = "the registration has another id than the configuration"
	default:
		f.Fix = fmt.Sprintf("the homeserver's ping of the bridge failed (%v)", bare(err))
	}
	return f
}

// CheckRegistration compares a registration with the configuration. The
// homeserver must have the same one.
func CheckRegistration(cfg Config, r *appservice.Registration) []Finding {
	cfg = cfg.withDefaults()
	same := func(what string, equal bool) Finding {
		f := Finding{What: what + " of registration and configuration agree", OK: equal}
		if !equal {
			f.Fix = "correct one of the two, give the homeserver the registration again and restart it"
		}
		return f
	}
	ghost := id.NewUserID(cfg.GhostPrefix+"1", cfg.ServerName).String()
	covered := false
	for _, ns := range r.Namespaces.UserIDs {
		re, err := regexp.Compile("^(?:" + ns.Regex + ")$")
		covered = covered || err == nil && re.MatchString(ghost)
	}
	return []Finding{
		same("as_token", r.AppToken == cfg.ASToken), same("hs_token", r.ServerToken == cfg.HSToken),
		same("bot", r.SenderLocalpart == cfg.BotLocalpart), same("namespace of ghosts", covered),
	}
}

// EnsureBot registers and names the bot. While the homeserver can't be reached
// it waits, and says so. It fails only if the homeserver refuses.
func (b *Bridge) EnsureBot(ctx context.Context) error {
	const first, most = 250 * time.Millisecond, 10 * time.Second
	wait, said := first, false
	for {
		err := b.hs.register(ctx, b.cfg.bot())
		if err == nil {
			err = b.nameBot(ctx)
		}
		if code, no := refusedWith(err); no {
			return fmt.Errorf("the homeserver refuses the bot %s (%s): is the bridge's registration.yaml the one that it has?", b.cfg.bot(), code)
		}
		if err == nil {
			if said {
				b.deps.Logger.Info().Msg("the homeserver is there")
			}
			return nil
		}
		if !said {
			b.deps.Logger.Warn().Err(err).Str("homeserver", b.cfg.HomeserverURL).Msg("waiting for the homeserver")
			said = true
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, most)
	}
}

func (b *Bridge) nameBot(ctx context.Context) error {
	var profile *mautrix.RespUserProfile
	err := b.hs.call(ctx, "profile", callDeadline, func(ctx context.Context) (err error) {
		profile, err = b.hs.as(b.cfg.bot()).GetProfile(ctx, b.cfg.bot())
		return err
	})
	if err == nil && profile.DisplayName == b.cfg.BotName {
		return nil
	}
	if err != nil && !refused(err) {
		return err
	}
	return b.hs.setName(ctx, b.cfg.bot(), b.cfg.BotName)
}
