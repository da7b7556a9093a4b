package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
)

var hasher = rfc6962.DefaultHasher

// askMerkle uses transparency-dev's formats (checkpoint, tlog-proof) and merkle (compact ranges, inclusion and consistency
// proofs); of Tessera it takes the names and forms of files alone.
func askMerkle(q question) (head, error) {
	if q.proof != nil {
		return checkProof(q)
	}
	signed, err := os.ReadFile(filepath.Join(q.folder, layout.CheckpointPath))
	if err != nil {
		return head{}, err
	}
	found, err := open(q, signed)
	if err != nil {
		return head{}, err
	}
	leaves, err := readLeaves(q.folder, found.size)
	if err != nil {
		return head{}, err
	}
	nodes, root, err := foldLeaves(leaves)
	if err != nil {
		return head{}, err
	}
	if !bytes.Equal(root, found.root) {
		return head{}, fmt.Errorf("the entries' root is %x, the checkpoint says %x", root, found.root)
	}
	if err := checkTiles(q.folder, found.size, nodes); err != nil {
		return head{}, err
	}
	if err := checkInclusion(leaves, nodes, found); err != nil {
		return head{}, err
	}
	if q.old != nil {
		return found, checkOld(q, found, nodes)
	}
	return found, nil
}

func open(q question, signed []byte) (head, error) {
	checkpoint, rest, _, err := log.ParseCheckpoint(signed, q.verifier.Name(), q.verifier)
	if err != nil {
		return head{}, err
	}
	if len(rest) != 0 {
		return head{}, fmt.Errorf("checkpoint: %d bytes of extensions, wanted none", len(rest))
	}
	return head{checkpoint.Size, checkpoint.Hash}, nil
}

// readLeaves gives the leaf hashes of all bundles.
func readLeaves(folder string, size uint64) ([][]byte, error) {
	var leaves [][]byte
	for number := uint64(0); number*layout.EntryBundleWidth < size; number++ {
		partial := layout.PartialTileSize(0, number, size)
		path := layout.EntriesPath(number, partial)
		data, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			return nil, err
		}
		var bundle api.EntryBundle
		if err := bundle.UnmarshalText(data); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if want := min(layout.EntryBundleWidth, size-number*layout.EntryBundleWidth); uint64(len(bundle.Entries)) != want {
			return nil, fmt.Errorf("%s: %d entries, wanted %d", path, len(bundle.Entries), want)
		}
		for _, entry := range bundle.Entries {
			leaves = append(leaves, hasher.HashLeaf(entry))
		}
	}
	return leaves, nil
}

type nodeHashes map[compact.NodeID][]byte

// foldLeaves gives every complete node of the tree, and its root.
func foldLeaves(leaves [][]byte) (nodeHashes, []byte, error) {
	nodes := nodeHashes{}
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for _, leaf := range leaves {
		if err := tree.Append(leaf, func(id compact.NodeID, hash []byte) { nodes[id] = hash }); err != nil {
			return nil, nil, err
		}
	}
	if len(leaves) == 0 {
		return nodes, hasher.EmptyRoot(), nil
	}
	root, err := tree.GetRootHash(nil)
	return nodes, root, err
}

// checkTiles compares every published tile with the entries' own hashes.
func checkTiles(folder string, size uint64, nodes nodeHashes) error {
	for level := uint64(0); size>>(layout.TileHeight*level) > 0; level++ {
		count := size >> (layout.TileHeight * level)
		for number := uint64(0); number*layout.TileWidth < count; number++ {
			path := layout.TilePath(level, number, layout.PartialTileSize(level, number, size))
			published, err := os.ReadFile(filepath.Join(folder, path))
			if err != nil {
				return err
			}
			var want []byte
			for i := number * layout.TileWidth; i < min(count, (number+1)*layout.TileWidth); i++ {
				want = append(want, nodes[compact.NewNodeID(uint(layout.TileHeight*level), i)]...)
			}
			if !bytes.Equal(published, want) {
				return fmt.Errorf("%s does not have the entries' hashes", path)
			}
		}
	}
	return nil
}

// gather turns a list of nodes into a proof.
func gather(wanted proof.Nodes, nodes nodeHashes) ([][]byte, error) {
	var hashes [][]byte
	for _, id := range wanted.IDs {
		hashes = append(hashes, nodes[id])
	}
	return wanted.Rehash(hashes, hasher.HashChildren)
}

func checkInclusion(leaves [][]byte, nodes nodeHashes, tree head) error {
	for index, leaf := range leaves {
		wanted, err := proof.Inclusion(uint64(index), tree.size)
		if err != nil {
			return err
		}
		hashes, err := gather(wanted, nodes)
		if err != nil {
			return err
		}
		if err := proof.VerifyInclusion(hasher, uint64(index), tree.size, leaf, hashes, tree.root); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

func checkOld(q question, tree head, nodes nodeHashes) error {
	old, err := open(q, q.old)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}
	if old.size > tree.size {
		return fmt.Errorf("the log had %d entries and has %d now", old.size, tree.size)
	}
	wanted, err := proof.Consistency(old.size, tree.size)
	if err != nil {
		return err
	}
	hashes, err := gather(wanted, nodes)
	if err != nil {
		return err
	}
	if err := proof.VerifyConsistency(hasher, old.size, tree.size, hashes, old.root, tree.root); err != nil {
		return fmt.Errorf("the log is not a continuation of the older checkpoint: %w", err)
	}
	return nil
}

func checkProof(q question) (head, error) {
	var p tlogproof.TLogProof
	if err := p.Unmarshal(q.proof); err != nil {
		return head{}, err
	}
	if q.entry == nil {
		return head{}, errors.New("--entry is missing")
	}
	tree, err := open(q, p.Checkpoint)
	if err != nil {
		return head{}, err
	}
	var hashes [][]byte
	for _, hash := range p.Hashes {
		hashes = append(hashes, hash[:])
	}
	return tree, proof.VerifyInclusion(hasher, p.Index, tree.size, hasher.HashLeaf(q.entry), hashes, tree.root)
}
