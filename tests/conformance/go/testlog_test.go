package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "log.test/one"

// A testLog is a small log in a folder, written the obvious way.
type testLog struct {
	t       *testing.T
	dir     string
	vkey    string
	signer  note.Signer
	entries [][]byte
	hashes  storedHashes
}

func newLog(t *testing.T, size int) *testLog {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	log := &testLog{t: t, dir: t.TempDir(), vkey: vkey, signer: signer}
	log.grow(size)
	return log
}

// grow appends entries up to size and publishes.
func (l *testLog) grow(size int) {
	for index := len(l.entries); index < size; index++ {
		l.add([]byte(fmt.Sprintf(`{"index":%d}`, index)))
	}
	l.publish()
}

func (l *testLog) add(entry []byte) {
	hashes, err := tlog.StoredHashesForRecordHash(int64(len(l.entries)), tlog.RecordHash(entry), l.hashes)
	if err != nil {
		l.t.Fatal(err)
	}
	l.hashes, l.entries = append(l.hashes, hashes...), append(l.entries, entry)
}

// publish writes all tiles, bundles and the checkpoint of the present size.
func (l *testLog) publish() {
	size := int64(len(l.entries))
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, l.hashes)
		if err != nil {
			l.t.Fatal(err)
		}
		l.write(tilePath(tile), data)
	}
	for first := int64(0); first < size; first += tileWidth {
		width := min(size-first, tileWidth)
		var bundle []byte
		for _, entry := range l.entries[first : first+width] {
			bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
		}
		l.write(entriesPath(first/tileWidth, int(width)), bundle)
	}
	l.write("checkpoint", l.checkpoint(origin))
}

func (l *testLog) checkpoint(origin string) []byte {
	size := int64(len(l.entries))
	root := tlog.Hash(sha256.Sum256(nil))
	if size > 0 {
		var err error
		if root, err = tlog.TreeHash(size, l.hashes); err != nil {
			l.t.Fatal(err)
		}
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%v\n", origin, size, root)}, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *testLog) write(path string, data []byte) {
	path = filepath.Join(l.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// edit changes a published file in place.
func (l *testLog) edit(path string, change func([]byte) []byte) {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(l.dir, path))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(path, change(data))
}

// keep copies the present checkpoint out of the log's reach and gives its path.
func (l *testLog) keep() string {
	path := filepath.Join(l.t.TempDir(), "kept")
	if err := os.WriteFile(path, l.checkpoint(origin), 0o644); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// check runs the program on the log; said is what it printed.
func (l *testLog) check(more ...string) (said string, err error) {
	var out, info strings.Builder
	err = run(append(append([]string{"--vkey", l.vkey}, more...), l.dir), &out, &info)
	return out.String() + info.String(), err
}

func wantOk(t *testing.T, said string, err error, size int) {
	t.Helper()
	if err != nil || !strings.Contains(said, fmt.Sprintf("ok: size %d root ", size)) {
		t.Fatalf("said %q, error %v", said, err)
	}
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Fatalf("error %v, wanted %q in it", err, part)
	}
}
