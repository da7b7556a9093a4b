package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestLogsOfAllShapesAreAccepted(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 255, 256, 257, 512, 600, 70_000} {
		if size > 1000 && testing.Short() {
			continue
		}
		said, err := newLog(t, size).check()
		wantOk(t, said, err, size)
	}
}

// The values are SHA-256 by hand (RFC 6962 §2.1), not by the library that tlogcheck uses.
func TestRootsAreThoseOfTheSpecification(t *testing.T) {
	log := newLog(t, 0)
	for _, entry := range []string{"a", "b", "c"} {
		log.add([]byte(entry))
	}
	log.publish()
	said, err := log.check()
	wantOk(t, said, err, 3)
	if !strings.HasSuffix(said, "root NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=\n") {
		t.Errorf("said %q", said)
	}
	bundle, err := os.ReadFile(filepath.Join(log.dir, "tile/entries/000.p/3"))
	if want := "\x00\x01a\x00\x01b\x00\x01c"; err != nil || string(bundle) != want {
		t.Errorf("bundle %q, error %v", bundle, err)
	}
}

func TestPathsAreThoseOfTheSpecification(t *testing.T) {
	for path, want := range map[string]string{
		tilePath(tlog.Tile{H: 8, L: 2, N: 1234067, W: 256}): "tile/2/x001/x234/067",
		tilePath(tlog.Tile{H: 8, L: 0, N: 273, W: 112}):     "tile/0/273.p/112",
		entriesPath(0, 256):     "tile/entries/000",
		entriesPath(1234067, 5): "tile/entries/x001/x234/067.p/5",
	} {
		if path != want {
			t.Errorf("%s, wanted %s", path, want)
		}
	}
}

func TestTamperedEntryIsRefused(t *testing.T) {
	log := newLog(t, 300)
	log.edit("tile/entries/000", func(data []byte) []byte { data[5] ^= 1; return data })
	_, err := log.check()
	wantError(t, err, "the entries' root is")
}

func TestTamperedTileIsRefused(t *testing.T) {
	log := newLog(t, 300)
	log.edit("tile/0/001.p/44", func(data []byte) []byte { data[40] ^= 1; return data })
	_, err := log.check()
	wantError(t, err, "tile/0/001.p/44 does not have the entries' hashes")
}

func TestCutTailIsRefused(t *testing.T) {
	log := newLog(t, 300)
	log.edit("tile/entries/001.p/44", func(data []byte) []byte { return data[:len(data)-1] })
	_, err := log.check()
	wantError(t, err, "entry 43 of the bundle is cut off")
	log.publish()
	log.edit("tile/0/001.p/44", func(data []byte) []byte { return data[:len(data)-32] })
	_, err = log.check()
	wantError(t, err, "tile/0/001.p/44: 1376 bytes, wanted 1408")
	log.publish()
	if err := os.Remove(filepath.Join(log.dir, "tile/entries/001.p/44")); err != nil {
		t.Fatal(err)
	}
	_, err = log.check()
	wantError(t, err, "not found")
}

func TestDroppedRecordIsRefused(t *testing.T) {
	log := newLog(t, 5)
	log.edit("tile/entries/000.p/5", func(data []byte) []byte { return data[:len(data)-2-len(log.entries[4])] })
	_, err := log.check()
	wantError(t, err, "4 entries, wanted 5")
}

func TestAnotherKeyIsRefused(t *testing.T) {
	log := newLog(t, 3)
	log.vkey = newLog(t, 0).vkey
	_, err := log.check()
	wantError(t, err, "no verifiable signatures")
}

func TestEditedCheckpointIsRefused(t *testing.T) {
	log := newLog(t, 3)
	log.edit("checkpoint", func(data []byte) []byte { return bytes.Replace(data, []byte("\n3\n"), []byte("\n2\n"), 1) })
	_, err := log.check()
	wantError(t, err, "invalid signature")
}

func TestAnotherOriginIsRefused(t *testing.T) {
	log := newLog(t, 3)
	log.write("checkpoint", log.checkpoint("log.test/two"))
	_, err := log.check()
	wantError(t, err, `origin "log.test/two"`)
}

func TestFullTilesStandInForRemovedPartialOnes(t *testing.T) {
	log := newLog(t, 300)
	old := log.checkpoint(origin)
	log.grow(600)
	for _, path := range []string{"tile/0/001.p/44", "tile/entries/001.p/44"} {
		if err := os.Remove(filepath.Join(log.dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	log.write("checkpoint", old)
	said, err := log.check()
	wantOk(t, said, err, 300)
}

func TestOlderCheckpointsAreContinued(t *testing.T) {
	log := newLog(t, 0)
	var kept []string
	for _, size := range []int{0, 1, 7, 256, 300} {
		log.grow(size)
		kept = append(kept, log.keep())
	}
	for _, old := range kept {
		said, err := log.check("--old", old)
		wantOk(t, said, err, 300)
	}
}

func TestRewrittenHistoryIsRefused(t *testing.T) {
	log := newLog(t, 20)
	old := log.keep()
	log.entries, log.hashes = nil, nil
	log.add([]byte("another beginning"))
	log.grow(40)
	said, err := log.check()
	wantOk(t, said, err, 40)
	_, err = log.check("--old", old)
	wantError(t, err, "not a continuation")
}

func TestShorterLogIsRefused(t *testing.T) {
	log := newLog(t, 20)
	old := log.keep()
	log.entries, log.hashes = nil, nil
	log.grow(19)
	_, err := log.check("--old", old)
	wantError(t, err, "had 20 entries and has 19 now")
}

func TestEntriesAreOneALine(t *testing.T) {
	log := newLog(t, 300)
	var out, info strings.Builder
	if err := run([]string{"--vkey", log.vkey, "--entries", log.dir}, &out, &info); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 300 || lines[299] != `{"index":299}` || !strings.HasPrefix(info.String(), "ok: size 300") {
		t.Errorf("%d lines, last %q, then %q", len(lines), lines[len(lines)-1], info.String())
	}
}

func TestLogIsReadOverHttp(t *testing.T) {
	log := newLog(t, 300)
	files := http.FileServer(http.Dir(log.dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer letmein" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.StripPrefix("/log/", files).ServeHTTP(w, r)
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("letmein\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := run([]string{"--vkey", log.vkey, "--token-file", token, server.URL + "/log/"}, &out, &out)
	wantOk(t, out.String(), err, 300)
	err = run([]string{"--vkey", log.vkey, server.URL + "/log"}, &out, &out)
	wantError(t, err, "401")
}

func TestProofsHoldForTheirEntryOnly(t *testing.T) {
	log := newLog(t, 300)
	dir := t.TempDir()
	proof, entry := filepath.Join(dir, "it.tlog-proof"), filepath.Join(dir, "entry")
	hashes, err := tlog.ProveRecord(300, 257, log.hashes)
	if err != nil {
		t.Fatal(err)
	}
	text := "c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString(log.entries[257]) + "\nindex 257\n"
	for _, hash := range hashes {
		text += fmt.Sprintln(hash)
	}
	text += "\n" + string(log.checkpoint(origin))
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(more ...string) (string, error) {
		var out strings.Builder
		err := run(append([]string{"--vkey", log.vkey, "--proof", proof}, more...), &out, &out)
		return out.String(), err
	}

	write(proof, text)
	said, err := check()
	wantOk(t, said, err, 300)
	write(entry, string(log.entries[257]))
	said, err = check("--entry", entry)
	wantOk(t, said, err, 300)
	write(entry, string(log.entries[256]))
	_, err = check("--entry", entry)
	wantError(t, err, "index 257")
	write(proof, strings.Replace(text, "index 257", "index 256", 1))
	_, err = check()
	wantError(t, err, "index 256")
	write(proof, strings.Replace(text, "@v1", "@v2", 1))
	_, err = check()
	wantError(t, err, "does not begin with")
}
