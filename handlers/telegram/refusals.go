package telegram

import (
	"slices"

	"github.com/natsgram/natsgram/events"
)

// verdict is what an error of Telegram means for a login attempt.
type verdict struct {
	reason events.Refusal
	next   events.Step // what to ask for now; empty: the same again
	final  bool        // the attempt ends
}

// refusal is a row of the table of refusals.
type refusal struct {
	error   string
	code    int      // as documented
	methods []string // that document it; none: any may answer so
	verdict
}

// The methods of a login.
const (
	sendCode      = "auth.sendCode"
	resendCode    = "auth.resendCode"
	signIn        = "auth.signIn"
	signUp        = "auth.signUp"
	checkPassword = "auth.checkPassword"
	importBot     = "auth.importBotAuthorization"
	exportToken   = "auth.exportLoginToken"
	importToken   = "auth.importLoginToken"
)

// refusals is the one table of the errors that the methods of a login document
// (core.telegram.org/method/…), and of those that any method may answer.
// Not in it is what the bridge tries again by itself, without a word of the
// user's: flood waits (420, told with their end), 303, 500 and more, and what
// never came back; see floodWait and answered.
func refusals() []refusal {
	phone, code, password := events.StepPhone, events.StepCode, events.StepPassword
	return []refusal{
		{"API_ID_INVALID", 400, []string{sendCode, importBot, exportToken}, verdict{events.ConfigError, "", true}},
		{"API_ID_PUBLISHED_FLOOD", 400, []string{sendCode, importBot, exportToken}, verdict{events.ConfigError, "", true}},
		{"UPDATE_APP_TO_LOGIN", 406, []string{sendCode, signIn}, verdict{events.ConfigError, "", true}},
		{"CONNECTION_API_ID_INVALID", 400, nil, verdict{events.ConfigError, "", true}},

		{"PHONE_NUMBER_INVALID", 406, []string{sendCode, resendCode, signIn, signUp}, verdict{events.BadPhone, phone, false}},
		{"PHONE_NUMBER_BANNED", 400, []string{sendCode}, verdict{events.PhoneBanned, phone, false}},
		{"PHONE_NUMBER_FLOOD", 400, []string{sendCode, signUp}, verdict{events.PhoneFlood, phone, false}},
		{"PHONE_PASSWORD_FLOOD", 406, []string{sendCode}, verdict{events.PhoneFlood, phone, false}},
		{"PHONE_PASSWORD_PROTECTED", 400, []string{sendCode}, verdict{events.LoginRestarted, phone, false}},
		{"PHONE_NUMBER_APP_SIGNUP_FORBIDDEN", 400, []string{sendCode}, verdict{events.SignUpForbidden, "", true}},
		{"PHONE_NUMBER_UNOCCUPIED", 400, []string{signIn}, verdict{events.PhoneUnknown, "", true}},
		{"SMS_CODE_CREATE_FAILED", 400, []string{sendCode}, verdict{events.CodeNotMade, phone, false}},
		{"SEND_CODE_UNAVAILABLE", 406, []string{resendCode}, verdict{events.NoOtherRoute, code, false}},
		{"EMAIL_INSTALL_MISSING", 400, []string{resendCode}, verdict{events.EmailDemanded, "", true}},

		{"PHONE_CODE_INVALID", 400, []string{signIn, signUp}, verdict{events.BadCode, code, false}},
		{"PHONE_CODE_EMPTY", 400, []string{signIn, resendCode, signUp}, verdict{events.BadCode, code, false}},
		{"PHONE_CODE_EXPIRED", 400, []string{signIn, signUp}, verdict{events.CodeExpired, phone, false}},
		{"PHONE_CODE_HASH_EMPTY", 400, []string{signIn}, verdict{events.CodeExpired, phone, false}},
		{"PHONE_HASH_EXPIRED", 400, []string{signIn}, verdict{events.CodeExpired, phone, false}},

		{"FIRSTNAME_INVALID", 400, []string{signUp}, verdict{events.BadName, events.StepName, false}},
		{"LASTNAME_INVALID", 400, []string{signUp}, verdict{events.BadName, events.StepName, false}},
		{"PHONE_NUMBER_OCCUPIED", 400, []string{signUp}, verdict{events.PhoneOccupied, "", true}},

		{"PASSWORD_HASH_INVALID", 400, []string{checkPassword}, verdict{events.BadPassword, password, false}},
		{"PASSWORD_EMPTY", 400, []string{checkPassword}, verdict{events.BadPassword, password, false}},
		{"SRP_ID_INVALID", 400, []string{checkPassword}, verdict{events.ChallengeExpired, password, false}},
		{"SRP_PASSWORD_CHANGED", 400, []string{checkPassword}, verdict{events.ChallengeExpired, password, false}},
		{"SRP_A_INVALID", 400, []string{checkPassword}, verdict{events.ChallengeExpired, password, false}},

		{"ACCESS_TOKEN_INVALID", 400, []string{importBot}, verdict{events.BadToken, events.StepToken, false}},
		{"ACCESS_TOKEN_EXPIRED", 400, []string{importBot}, verdict{events.BadToken, events.StepToken, false}},

		{"AUTH_TOKEN_EXPIRED", 400, []string{importToken}, verdict{events.BadQR, events.StepQR, false}},
		{"AUTH_TOKEN_INVALID", 400, []string{importToken}, verdict{events.BadQR, events.StepQR, false}},
		{"AUTH_TOKEN_INVALIDX", 400, []string{importToken}, verdict{events.BadQR, events.StepQR, false}},
		{"AUTH_TOKEN_ALREADY_ACCEPTED", 400, []string{importToken}, verdict{events.BadQR, events.StepQR, false}},
		{"AUTH_TOKEN_EXCEPTION", 400, []string{importToken}, verdict{events.BadQR, events.StepQR, false}},

		{"AUTH_RESTART", 500, []string{sendCode, signIn}, verdict{events.LoginRestarted, phone, false}},
		{"SIGN_IN_FAILED", 500, []string{signIn}, verdict{events.LoginRestarted, phone, false}},

		{"AUTH_KEY_UNREGISTERED", 401, nil, verdict{events.SessionLost, phone, false}},
		{"AUTH_KEY_INVALID", 401, nil, verdict{events.SessionLost, phone, false}},
		{"AUTH_KEY_PERM_EMPTY", 401, nil, verdict{events.SessionLost, phone, false}},
		{"AUTH_KEY_DUPLICATED", 406, nil, verdict{events.SessionLost, phone, false}},
		{"SESSION_REVOKED", 401, nil, verdict{events.SessionLost, phone, false}},
		{"SESSION_EXPIRED", 401, nil, verdict{events.SessionLost, phone, false}},
		{"USER_DEACTIVATED", 401, nil, verdict{events.AccountClosed, "", true}},
		{"USER_DEACTIVATED_BAN", 401, nil, verdict{events.AccountClosed, "", true}},
	}
}

// loginVerdict looks an error up. One that is not in the table says nothing of
// the user's answer as far as the bridge knows: the same is asked for again.
func loginVerdict(code string) (v verdict, known bool) {
	rows := refusals()
	i := slices.IndexFunc(rows, func(r refusal) bool { return r.error == code })
	if i < 0 {
		return verdict{reason: events.TelegramError}, false
	}
	return rows[i].verdict, true
}
