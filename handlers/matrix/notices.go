package matrix

import (
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
)

// lostWords tells whoever said a message on Matrix why it did not come to
// Telegram, and what they can do now.
func lostWords(f *events.CopyFailed, content events.Content, change bool, cfg Config) string {
	what := "Your message was not sent to Telegram: "
	if change {
		what = "Your edit or deletion did not reach Telegram: "
	}
	switch f.Reason {
	case events.CopyForbidden:
		return what + "your account may not do that in this chat. Its admins on Telegram decide who may."
	case events.CopyTooLong:
		return what + "it is longer than Telegram allows. Send it in shorter parts."
	case events.CopyEmpty:
		return what + "there is no text in it."
	case events.CopyUnsupported:
		if content == events.ContentEncrypted {
			return what + "it is encrypted, and the bridge reads no encrypted messages. " +
				"Encryption can't be switched off again: open the chat in Telegram, or leave this room to be invited to a new one."
		}
		return what + "the bridge carries only text so far. Use Telegram for this one."
	case events.CopyNoLogin:
		return what + "you have no Telegram login that may write in this chat. Start a chat with " + cfg.bot().String() +
			" and send it: login. Here, " + cfg.CommandsPrefix + " help says what the bridge can do."
	case events.CopyGone:
		return what + "the message is not there any more, or too old for the bridge to know."
	case events.CopyTooLate:
		return what + "Telegram lets messages be changed only for a while after they are sent. Send a new one."
	case events.CopyRefused:
		return what + "Telegram refused it" + inBrackets(f.Error) + ". Try again later, or use Telegram for this one."
	default:
		return what + string(f.Reason) + inBrackets(f.Error) + "."
	}
}

// delayWords tells whoever said a message on Matrix when it goes to Telegram,
// as seen when the delay was recorded.
func delayWords(f *events.CopyDelayed, at time.Time) string {
	return fmt.Sprintf("Telegram asks for patience. The bridge sends this by itself at %s UTC (in %s).",
		f.RetryAt.UTC().Format("15:04:05"), max(f.RetryAt.Sub(at), time.Second).Round(time.Second))
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
