package events

// New returns an empty fact for a wire name, ready to be decoded into, and
// false if this version does not know the name. Every name ever written stays
// here; a fact of an older version is lifted by an upcaster when it is read.
func New(t Type) (Fact, bool) {
	fact := newFact(t)
	return fact, fact != nil
}

func newFact(t Type) Fact {
	switch t {
	case "natsgram.auth.bot_invited.v1":
		return new(BotInvited)
	case "natsgram.auth.management_room_opened.v1":
		return new(ManagementRoomOpened)
	case "natsgram.auth.management_room_refused.v1":
		return new(ManagementRoomRefused)
	case "natsgram.auth.management_room_closed.v1":
		return new(ManagementRoomClosed)
	case "natsgram.auth.bystander_left.v1":
		return new(BystanderLeft)
	case "natsgram.auth.command_given.v1":
		return new(CommandGiven)
	case "natsgram.auth.command_refused.v1":
		return new(CommandRefused)
	case "natsgram.auth.ping_answered.v1":
		return new(PingAnswered)
	case "natsgram.auth.secret_redacted.v1":
		return new(SecretRedacted)
	case "natsgram.auth.login_started.v1":
		return new(LoginStarted)
	case "natsgram.auth.phone_submitted.v1":
		return new(PhoneSubmitted)
	case "natsgram.auth.phone_rejected.v1":
		return new(PhoneRejected)
	case "natsgram.auth.token_submitted.v1":
		return new(TokenSubmitted)
	case "natsgram.auth.token_rejected.v1":
		return new(TokenRejected)
	case "natsgram.auth.code_sent.v1":
		return new(CodeSent)
	case "natsgram.auth.resend_requested.v1":
		return new(ResendRequested)
	case "natsgram.auth.resend_offered.v1":
		return new(ResendOffered)
	case "natsgram.auth.code_submitted.v1":
		return new(CodeSubmitted)
	case "natsgram.auth.code_rejected.v1":
		return new(CodeRejected)
	case "natsgram.auth.password_required.v1":
		return new(PasswordRequired)
	case "natsgram.auth.password_submitted.v1":
		return new(PasswordSubmitted)
	case "natsgram.auth.password_rejected.v1":
		return new(PasswordRejected)
	case "natsgram.auth.input_refused.v1":
		return new(InputRefused)
	case "natsgram.auth.step_delayed.v1":
		return new(StepDelayed)
	case "natsgram.auth.login_succeeded.v1":
		return new(LoginSucceeded)
	case "natsgram.auth.login_failed.v1":
		return new(LoginFailed)
	case "natsgram.auth.signup_required.v1":
		return new(SignupRequired)
	case "natsgram.auth.terms_accepted.v1":
		return new(TermsAccepted)
	case "natsgram.auth.name_submitted.v1":
		return new(NameSubmitted)
	case "natsgram.auth.signup_rejected.v1":
		return new(SignupRejected)
	case "natsgram.auth.number_taken.v1":
		return new(NumberTaken)
	case "natsgram.auth.login_confirmed.v1":
		return new(LoginConfirmed)
	case "natsgram.auth.qr_issued.v1":
		return new(QRIssued)
	case "natsgram.auth.qr_shown.v1":
		return new(QRShown)
	case "natsgram.auth.qr_lapsed.v1":
		return new(QRLapsed)
	case "natsgram.auth.qr_scanned.v1":
		return new(QRScanned)
	case "natsgram.auth.qr_rejected.v1":
		return new(QRRejected)
	case "natsgram.auth.logout_requested.v1":
		return new(LogoutRequested)
	case "natsgram.auth.session_ended.v1":
		return new(SessionEnded)
	case "natsgram.auth.chats_listed.v1":
		return new(ChatsListed)
	case "natsgram.auth.progress_made.v1":
		return new(ProgressMade)
	case "natsgram.auth.logout_ordered.v1":
		return new(LogoutOrdered)
	case "natsgram.auth.devices_listed.v1":
		return new(DevicesListed)
	case "natsgram.auth.device_logout_requested.v1":
		return new(DeviceLogoutRequested)
	case "natsgram.auth.device_logged_out.v1":
		return new(DeviceLoggedOut)
	case "natsgram.portal.portal_opened.v1":
		return new(PortalOpened)
	case "natsgram.portal.login_joined.v1":
		return new(LoginJoined)
	case "natsgram.portal.login_left.v1":
		return new(LoginLeft)
	case "natsgram.portal.room_created.v1":
		return new(RoomCreated)
	case "natsgram.portal.room_failed.v1":
		return new(RoomFailed)
	case "natsgram.portal.user_invited.v1":
		return new(UserInvited)
	case "natsgram.portal.user_entered.v1":
		return new(UserEntered)
	case "natsgram.portal.user_departed.v1":
		return new(UserDeparted)
	case "natsgram.portal.chat_described.v1":
		return new(ChatDescribed)
	case "natsgram.portal.room_dressed.v1":
		return new(RoomDressed)
	case "natsgram.portal.ghost_entered.v1":
		return new(GhostEntered)
	case "natsgram.portal.ghost_departed.v1":
		return new(GhostDeparted)
	case "natsgram.portal.members_changed.v1":
		return new(MembersChanged)
	case "natsgram.chat.message_posted.v1":
		return new(MessagePosted)
	case "natsgram.chat.message_edited.v1":
		return new(MessageEdited)
	case "natsgram.chat.message_deleted.v1":
		return new(MessageDeleted)
	case "natsgram.chat.copy_made.v1":
		return new(CopyMade)
	case "natsgram.chat.copy_delayed.v1":
		return new(CopyDelayed)
	case "natsgram.chat.copy_failed.v1":
		return new(CopyFailed)
	default:
		return nil
	}
}
