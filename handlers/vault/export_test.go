package vault

// OpenWithClock is Open with a clock of the test's own.
var OpenWithClock = open

// LookEvery is the bound within which another process notices a Forget.
const LookEvery = lookEvery

// DirectoryFresh is the bound within which another process notices a dropped row.
const DirectoryFresh = directoryFresh

// KeysOf is the keyset of a vault.
func KeysOf(v *Vault) *Keyset { return v.keys }
