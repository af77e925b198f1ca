package telegramtest

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // sizes of photos
	_ "image/png"

	"github.com/gotd/td/tg"
)

// fileReference stands in the place of Telegram's, which expire.
const fileReference = "natsgram"

const maxChunk = 1 << 20

type partKey struct {
	key, file int64
	part      int
}

func (s *Server) addFile(data []byte, mime, name string) *file {
	f := &file{No: s.nextNo(), Data: data, Mime: mime, Name: name, Date: now()}
	s.w.Files[f.No] = f
	return f
}

func (s *Server) tgPhoto(no int64) *tg.Photo {
	f := s.w.Files[no]
	size := &tg.PhotoSize{Type: "x", W: 640, H: 640, Size: len(f.Data)}
	if c, _, err := image.DecodeConfig(bytes.NewReader(f.Data)); err == nil {
		size.W, size.H = c.Width, c.Height
	}
	return &tg.Photo{ID: f.No, AccessHash: s.accessHash(0, f.No), FileReference: []byte(fileReference), Date: f.Date,
		Sizes: []tg.PhotoSizeClass{size}, DCID: 2}
}

func (s *Server) tgDocument(f *file) *tg.Document {
	return &tg.Document{ID: f.No, AccessHash: s.accessHash(0, f.No), FileReference: []byte(fileReference), Date: f.Date,
		MimeType: f.Mime, Size: int64(len(f.Data)), DCID: 2,
		Attributes: []tg.DocumentAttributeClass{&tg.DocumentAttributeFilename{FileName: f.Name}}}
}

func (s *Server) onFiles(d *tg.ServerDispatcher) {
	d.OnUploadGetFile(s.getFile)
	d.OnUploadSaveFilePart(func(ctx context.Context, r *tg.UploadSaveFilePartRequest) (bool, error) {
		return s.savePart(callOf(ctx).key, r.FileID, r.FilePart, r.Bytes)
	})
	d.OnUploadSaveBigFilePart(func(ctx context.Context, r *tg.UploadSaveBigFilePartRequest) (bool, error) {
		return s.savePart(callOf(ctx).key, r.FileID, r.FilePart, r.Bytes)
	})
}

func (s *Server) savePart(k *authKey, id int64, part int, data []byte) (bool, error) {
	if len(data) == 0 || len(data) > 512<<10 {
		return false, rpcError(400, "FILE_PART_SIZE_INVALID")
	}
	s.parts[partKey{k.id(), id, part}] = bytes.Clone(data)
	return true, nil
}

func (s *Server) getFile(ctx context.Context, r *tg.UploadGetFileRequest) (tg.UploadFileClass, error) {
	step := 4096
	if r.Precise {
		step = 1024
	}
	if r.Limit <= 0 || r.Limit > maxChunk || r.Limit%step != 0 || maxChunk%r.Limit != 0 && !r.Precise {
		return nil, rpcError(400, "LIMIT_INVALID")
	}
	if r.Offset < 0 || r.Offset%int64(step) != 0 {
		return nil, rpcError(400, "OFFSET_INVALID")
	}
	f, err := s.locate(s.me(ctx), r.Location)
	if err != nil {
		return nil, err
	}
	from := min(r.Offset, int64(len(f.Data)))
	to := min(from+int64(r.Limit), int64(len(f.Data)))
	out := &tg.UploadFile{Type: &tg.StorageFileJpeg{}, Mtime: f.Date, Bytes: f.Data[from:to]}
	if f.Mime != "image/jpeg" {
		out.Type = &tg.StorageFileUnknown{}
	}
	return out, nil
}

func (s *Server) locate(me *user, in tg.InputFileLocationClass) (*file, error) {
	var id, accessHash int64
	switch l := in.(type) {
	case *tg.InputPeerPhotoFileLocation:
		k, err := s.inputPeer(me, l.Peer)
		if err != nil {
			return nil, err
		}
		photo := int64(0)
		if u, ok := k.user(); ok {
			photo = s.w.Users[u].Photo
		} else if c, ok := k.chat(); ok {
			photo = s.w.Chats[c].Photo
		}
		if photo != l.PhotoID || s.w.Files[photo] == nil {
			return nil, rpcError(400, "PHOTO_INVALID")
		}
		return s.w.Files[photo], nil
	case *tg.InputPhotoFileLocation:
		id, accessHash = l.ID, l.AccessHash
	case *tg.InputDocumentFileLocation:
		id, accessHash = l.ID, l.AccessHash
	}
	f := s.w.Files[id]
	if f == nil || accessHash != s.accessHash(0, id) {
		return nil, rpcError(400, "FILE_ID_INVALID")
	}
	return f, nil
}

// inputMedia makes of what is sent what is received.
func (s *Server) inputMedia(k *authKey, in tg.InputMediaClass) (tg.MessageMediaClass, error) {
	switch m := in.(type) {
	case *tg.InputMediaUploadedPhoto:
		f, err := s.assemble(k, m.File, "image/jpeg")
		if err != nil {
			return nil, err
		}
		out := &tg.MessageMediaPhoto{}
		out.SetPhoto(s.tgPhoto(f.No))
		return out, nil
	case *tg.InputMediaUploadedDocument:
		f, err := s.assemble(k, m.File, m.MimeType)
		if err != nil {
			return nil, err
		}
		doc := s.tgDocument(f)
		if len(m.Attributes) > 0 {
			doc.Attributes = m.Attributes
		}
		out := &tg.MessageMediaDocument{}
		out.SetDocument(doc)
		return out, nil
	case *tg.InputMediaGeoPoint:
		if p, ok := m.GeoPoint.(*tg.InputGeoPoint); ok {
			return &tg.MessageMediaGeo{Geo: &tg.GeoPoint{Lat: p.Lat, Long: p.Long}}, nil
		}
	}
	return nil, rpcError(400, "MEDIA_INVALID")
}

func (s *Server) assemble(k *authKey, in tg.InputFileClass, mime string) (*file, error) {
	var id int64
	var n int
	var name string
	switch f := in.(type) {
	case *tg.InputFile:
		id, n, name = f.ID, f.Parts, f.Name
	case *tg.InputFileBig:
		id, n, name = f.ID, f.Parts, f.Name
	}
	var data []byte
	for i := range n {
		part, ok := s.parts[partKey{k.id(), id, i}]
		if !ok {
			return nil, rpcError(400, "FILE_PARTS_INVALID")
		}
		data = append(data, part...)
		delete(s.parts, partKey{k.id(), id, i})
	}
	if len(data) == 0 {
		return nil, rpcError(400, "FILE_PARTS_INVALID")
	}
	return s.addFile(data, mime, name), nil
}
