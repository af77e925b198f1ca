package telegram

import (
	"context"
	"errors"
	"net/http"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// ErrNoPicture says that there is no such picture, or none that the login may see.
var ErrNoPicture = errors.New("no such picture")

const (
	pictureChunk = 512 << 10
	maxPicture   = 8 << 20
)

// Picture downloads the picture of a chat or user as a login sees it, in the
// large size. photo is its ID, from Member or Description. It blocks for a
// round trip or two. Besides ErrNoPicture its error means to try again, and is
// marked as a reactor returns it (journal.Down, journal.NotBefore).
func (w *World) Picture(ctx context.Context, login events.LoginID, peer events.Peer, photo int64) (data []byte, mime string, err error) {
	c, err := w.fleet.client(login)
	if err != nil {
		return nil, "", journal.Down(err)
	}
	if err := c.gate.enter(ctx); err != nil {
		return nil, "", journal.Down(err)
	}
	defer c.gate.leave()
	in, ok, err := c.book.inputPeer(ctx, peer)
	if err != nil {
		return nil, "", journal.Down(err)
	}
	if !ok || photo == 0 {
		return nil, "", ErrNoPicture
	}
	data, err = c.download(ctx, &tg.InputPeerPhotoFileLocation{Big: true, Peer: in, PhotoID: photo})
	if err != nil {
		if _, flood := floodWait(err); !flood && answered(err) && !notAuthorised(err) {
			return nil, "", errors.Join(ErrNoPicture, err)
		}
		return nil, "", later(err)
	}
	if len(data) == 0 {
		return nil, "", ErrNoPicture
	}
	return data, http.DetectContentType(data), nil
}

// download reads a file chunk by chunk (upload.getFile).
func (c *client) download(ctx context.Context, at tg.InputFileLocationClass) ([]byte, error) {
	var data []byte
	for len(data) < maxPicture {
		short, cancel := c.call(ctx)
		res, err := c.api().UploadGetFile(short, &tg.UploadGetFileRequest{Location: at, Offset: int64(len(data)), Limit: pictureChunk})
		cancel()
		if err != nil {
			return nil, err
		}
		file, ok := res.(*tg.UploadFile)
		if !ok {
			return nil, ErrNoPicture
		}
		data = append(data, file.Bytes...)
		if len(file.Bytes) < pictureChunk {
			return data, nil
		}
	}
	return nil, ErrNoPicture
}
