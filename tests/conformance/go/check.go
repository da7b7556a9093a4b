package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// openCheckpoint verifies the signature and reads the tree head: origin, size, root, each on its line
// (C2SP tlog-checkpoint). The origin must be the key's name.
func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %d lines, wanted origin, size and root", len(lines)-1)
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("checkpoint: origin %q, wanted %q", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("checkpoint: size %q is not a decimal number", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("checkpoint: root %q is not base64 of 32 bytes", lines[2])
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}

// readEntries reads every bundle below size: 256 entries each, big-endian 16-bit length before each.
func readEntries(source source, size int64) ([][]byte, error) {
	var entries [][]byte
	for first := int64(0); first < size; first += tileWidth {
		width := int(min(size-first, tileWidth))
		path := entriesPath(first/tileWidth, width)
		data, err := source.readPartial(path, width)
		if err != nil {
			return nil, err
		}
		bundle, err := splitBundle(data, width)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		entries = append(entries, bundle...)
	}
	return entries, nil
}

func splitBundle(data []byte, width int) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("entry %d of the bundle is cut off", len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(entries) != width && len(entries) != tileWidth {
		return nil, fmt.Errorf("%d entries, wanted %d", len(entries), width)
	}
	return entries[:width], nil
}

// checkTree says whether entries, tiles and checkpoint are one tree: the root made from the entries is the signed
// one, every published tile has the hashes made from the entries, and each entry's inclusion proof, made from the
// published tiles, holds.
func checkTree(source source, tree tlog.Tree, entries [][]byte) error {
	var stored storedHashes
	for index, entry := range entries {
		hashes, err := tlog.StoredHashesForRecordHash(int64(index), tlog.RecordHash(entry), stored)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
	}
	root, err := rootOf(tree.N, stored)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries' root is %v, the checkpoint says %v", root, tree.Hash)
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		found, err := source.readTile(tile)
		if err != nil {
			return err
		}
		if !bytes.Equal(found, want) {
			return fmt.Errorf("%s does not have the entries' hashes", tilePath(tile))
		}
	}
	return checkInclusion(source, tree, entries)
}

func checkInclusion(source source, tree tlog.Tree, entries [][]byte) error {
	published := tlog.TileHashReader(tree, newTiles(source))
	for index, entry := range entries {
		proof, err := tlog.ProveRecord(tree.N, int64(index), published)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// checkOld says whether the log continues the one that an earlier checkpoint of the same key speaks of.
func checkOld(source source, verifier note.Verifier, tree tlog.Tree, file string) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if old.N > tree.N {
		return fmt.Errorf("%s: the log had %d entries and has %d now", file, old.N, tree.N)
	}
	if old.N == 0 {
		if old.Hash != sha256.Sum256(nil) {
			return fmt.Errorf("%s: size 0 with a root that is not the empty tree's", file)
		}
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, newTiles(source)))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("%s: the log is not a continuation of this one: %w", file, err)
	}
	return nil
}

// rootOf is tlog.TreeHash, with the empty tree's root as RFC 6962 has it.
func rootOf(size int64, hashes tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, hashes)
}

// storedHashes are the hashes of a tree in x/mod's own order.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d of %d", index, len(s))
		}
		found[i] = s[index]
	}
	return found, nil
}

// tiles is x/mod's view of the published tiles; it asks again and again for the same ones.
type tiles struct {
	source source
	cache  map[tlog.Tile][]byte
}

func newTiles(source source) *tiles { return &tiles{source, map[tlog.Tile][]byte{}} }

func (t *tiles) Height() int { return tileHeight }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if t.cache[tile] == nil {
			data, err := t.source.readTile(tile)
			if err != nil {
				return nil, err
			}
			t.cache[tile] = data
		}
		found[i] = t.cache[tile]
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
