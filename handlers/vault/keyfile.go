package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

const keysetFormat = "natsgram keyset 1"

const (
	sealType   = "type.googleapis.com/google.crypto.tink.AesGcmKey"
	namingType = "type.googleapis.com/google.crypto.tink.HmacPrfKey"
)

// keysetFile is the file as stored; the package documentation describes it.
type keysetFile struct {
	Format    string          `json:"format"`
	Seal      json.RawMessage `json:"seal"`
	Directory json.RawMessage `json:"directory"`
}

// CreateKeyset writes a new keyset file that only its owner can read. It
// refuses to overwrite: a lost keyset is a lost bridge. The error then is
// fs.ErrExist.
func CreateKeyset(path string) error {
	sealing, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("make a sealing key: %w", err)
	}
	naming, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return fmt.Errorf("make a directory key: %w", err)
	}
	data, err := encodeKeyset(sealing, naming)
	if err != nil {
		return err
	}
	return writeNew(path, data)
}

// LoadKeyset reads a keyset file. It refuses one that others than its owner can
// read; every error is one sentence for the operator.
func LoadKeyset(path string) (*Keyset, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("keyset %s does not exist: restore it from a backup, or run natsgram init for a new bridge: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("keyset %s cannot be read: %w", path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("keyset %s is not a file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("keyset %s is open to other users of this machine: run chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keyset %s cannot be read: %w", path, err)
	}
	keys, err := decodeKeyset(data)
	if err != nil {
		return nil, fmt.Errorf("keyset %s is no keyset of natsgram: %w", path, err)
	}
	return keys, nil
}

// Rotate adds a new key to the file and seals with it from the next LoadKeyset
// on; the older keys stay, to open what they sealed. A crash leaves the old
// file or the new one, whole. Back the new one up: a copy made before lacks
// the new key.
func Rotate(path string) error {
	keys, err := LoadKeyset(path)
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(keys.sealing)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("add a sealing key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return fmt.Errorf("add a sealing key: %w", err)
	}
	sealing, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("add a sealing key: %w", err)
	}
	data, err := encodeKeyset(sealing, keys.naming)
	if err != nil {
		return err
	}
	next := path + ".new"
	// What an earlier rotation left behind when it crashed was never in use.
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate keyset: %w", err)
	}
	if err := writeNew(next, data); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("rotate keyset: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func encodeKeyset(sealing, naming *keyset.Handle) ([]byte, error) {
	var seal, directory bytes.Buffer
	if err := insecurecleartextkeyset.Write(sealing, keyset.NewJSONWriter(&seal)); err != nil {
		return nil, fmt.Errorf("encode keyset: %w", err)
	}
	if err := insecurecleartextkeyset.Write(naming, keyset.NewJSONWriter(&directory)); err != nil {
		return nil, fmt.Errorf("encode keyset: %w", err)
	}
	data, err := json.MarshalIndent(keysetFile{Format: keysetFormat, Seal: seal.Bytes(), Directory: directory.Bytes()}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode keyset: %w", err)
	}
	return append(data, '\n'), nil
}

// decodeKeyset reports no error of the decoders below it: theirs may quote
// what they read, and what they read is keys.
func decodeKeyset(data []byte) (*Keyset, error) {
	var file keysetFile
	if json.Unmarshal(data, &file) != nil {
		return nil, errors.New("it is not valid JSON")
	}
	if file.Format != keysetFormat {
		return nil, fmt.Errorf("its format is not %q", keysetFormat)
	}
	sealing, err := decodeHandle("seal", file.Seal, sealType)
	if err != nil {
		return nil, err
	}
	naming, err := decodeHandle("directory", file.Directory, namingType)
	if err != nil {
		return nil, err
	}
	return newKeyset(sealing, naming)
}

func decodeHandle(part string, data []byte, wantType string) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("its part %q is damaged or missing", part)
	}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		if key.GetTypeUrl() != wantType {
			return nil, fmt.Errorf("its part %q holds a key of another kind", part)
		}
	}
	return handle, nil
}

// writeNew writes a file that was not there and makes it last. What it could
// not write whole it takes away again.
func writeNew(path string, data []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write keyset %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory survive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	return nil
}
