// Package vault keeps what must not stand in the log, and the keys to what
// stands there sealed: the credentials of a running login attempt, Telegram
// sessions, the data key of each user and portal, and the directory that maps
// a Matrix ID, Telegram account or chat to its uid.
//
// It knows the keyset file and buckets of bytes. It refuses to know NATS,
// Matrix and Telegram, and what the values mean. Everything it writes is sealed
// first; its errors name keys and files, never values.
//
// # The bucket of a vault
//
//	keyset                   proof that the keyset is this bucket's own (Claim, Check)
//	attempt.<attempt>.<name> a credential of a running login, with a TTL
//	session.<login>          a Telegram session
//	token.<uid>.<account>    lets the user back into an account without a code
//	weblink.<HMAC>           whom a link to the login page is for, by its token; with a TTL
//	browser.<HMAC>           a session on the login page, by its cookie; with a TTL
//	key.<uid>                the data key of a user or portal; empty once forgotten
//	gone.<uid>               somebody is being, or was, forgotten
//	forgotten                written after each Forget: other processes look here
//
// Every value is sealed with AES-256-GCM by the primary key of the keyset, in
// tink's form:
//
//	byte  0      0x01
//	bytes 1-4    ID of the key, big endian
//	bytes 5-16   nonce
//	bytes 17-    ciphertext, the last 16 bytes of it the tag
//
// The associated data is "natsgram\n<bucket name>\n<key>": a value that is
// moved to another key or bucket does not open there.
//
// Inside the seal, a credential is its deadline (Unix milliseconds, 8 bytes,
// big endian) followed by its value; a data key is 32 bytes, or none when the
// person or chat was forgotten; the rest is as the caller gave it. What a data
// key seals (the personal part of an event) is the same form from the nonce on,
// with the event's own associated data.
//
// # The keyset file
//
// keyset.json, mode 0600, holds two cleartext keysets in tink's JSON form:
//
//	{
//	  "format": "natsgram keyset 1",
//	  "seal":      {"primaryKeyId": N, "key": [{"keyId": N, "status": "ENABLED", "outputPrefixType": "TINK",
//	                "keyData": {"typeUrl": "type.googleapis.com/google.crypto.tink.AesGcmKey", "keyMaterialType": "SYMMETRIC", "value": …}}, …]},
//	  "directory": {"primaryKeyId": N, "key": [{… "typeUrl": "type.googleapis.com/google.crypto.tink.HmacPrfKey" …}]}
//	}
//
// A value is base64 of the key's protobuf: for AesGcmKey field 3 is the 32-byte
// key; for HmacPrfKey field 2 is the hash (SHA-256) and field 3 the 32-byte key.
// Rotate adds a key to seal and makes it primary. The directory's key stays for
// ever: its HMACs are the keys under which rows are found.
//
// Who holds this file and the store reads everything; who loses it has lost
// everything that is sealed. Back it up apart from the store.
package vault
