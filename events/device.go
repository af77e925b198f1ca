package events

import "time"

// Device is one place where a Telegram account is logged in, as Telegram lists
// them: an app, or this bridge (Own).
type Device struct {
	Hash   int64     `json:"hash,omitempty"` // Telegram's name for it; the own one has none
	App    string    `json:"app,omitempty"`
	Model  string    `json:"model,omitempty"`
	Place  string    `json:"place,omitempty"` // country and region of its address
	Active time.Time `json:"active,omitzero"`
	Own    bool      `json:"own,omitempty"`
}

// DevicesFacts is the personal part of DevicesListed.
type DevicesFacts struct {
	Devices []Device `json:"devices,omitempty"`
}

// DevicesListed is Telegram's answer to the command sessions, or says why there
// is none.
type DevicesListed struct {
	Login  LoginID      `json:"login"`
	OK     bool         `json:"ok"`
	Count  int          `json:"count,omitempty"`
	Error  string       `json:"error,omitempty"` // Telegram's error code, or "unreachable"
	Sealed DevicesFacts `json:"-"`
}

// DeviceFacts is the personal part of the facts about one device.
type DeviceFacts struct {
	Device Device `json:"device"`
}

// DeviceLogoutRequested records that the user asked to end a device's session.
type DeviceLogoutRequested struct {
	Login  LoginID     `json:"login"`
	Sealed DeviceFacts `json:"-"`
}

// DeviceLoggedOut is the outcome of DeviceLogoutRequested.
type DeviceLoggedOut struct {
	Login  LoginID     `json:"login"`
	OK     bool        `json:"ok"`
	Error  string      `json:"error,omitempty"` // Telegram's error code, or "unreachable"
	Sealed DeviceFacts `json:"-"`
}

// Type and Personal of each fact about devices.

func (*DevicesListed) Type() Type              { return "natsgram.auth.devices_listed.v1" }
func (f *DevicesListed) Personal() any         { return &f.Sealed }
func (*DeviceLogoutRequested) Type() Type      { return "natsgram.auth.device_logout_requested.v1" }
func (f *DeviceLogoutRequested) Personal() any { return &f.Sealed }
func (*DeviceLoggedOut) Type() Type            { return "natsgram.auth.device_logged_out.v1" }
func (f *DeviceLoggedOut) Personal() any       { return &f.Sealed }
