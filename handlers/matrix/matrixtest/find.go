package matrixtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// BinaryEnv names the environment variable that holds the path of a Dendrite
// program to use instead of the repository's own.
const BinaryEnv = "NATSGRAM_DENDRITE"

// FindBinary returns the path of the Dendrite program: the one named, else the
// one the environment names, else .cache/bin/dendrite beside the go.mod of the
// working directory or a directory above it.
func FindBinary(named string) (string, error) {
	if named == "" {
		named = os.Getenv(BinaryEnv)
	}
	if named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("homeserver program: %w", err)
		}
		return filepath.Abs(named)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		binary := filepath.Join(dir, ".cache", "bin", "dendrite")
		if exists(filepath.Join(dir, "go.mod")) && exists(binary) {
			return binary, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no homeserver to run at .cache/bin/dendrite: run make homeserver (or set " + BinaryEnv + ")")
		}
		dir = up
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// FreePort returns a port of 127.0.0.1 that nobody listens on now. It lies
// below the range from which the system takes ports for outgoing connections:
// while a server is stopped, its port can't be taken by somebody's attempt to
// reach it.
func FreePort() (int, error) {
	const low, high, attempts = 15000, 32000, 100
	var err error
	for range attempts {
		port := low + rand.IntN(high-low)
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port: %w", err)
}
