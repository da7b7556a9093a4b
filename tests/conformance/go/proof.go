package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const proofMagic = "c2sp.org/tlog-proof@v1"

// checkProofFile checks a C2SP tlog-proof: one entry is in the tree of the checkpoint that the proof carries.
func checkProofFile(verifier note.Verifier, proofFile, entryFile string, out io.Writer) error {
	text, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	proof, err := parseProof(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", proofFile, err)
	}
	entry := proof.extra
	if entryFile != "" {
		if entry, err = os.ReadFile(entryFile); err != nil {
			return err
		}
	} else if entry == nil {
		return errors.New("the proof has no extra data, so --entry must say what it is about")
	}
	tree, err := openCheckpoint([]byte(proof.checkpoint), verifier)
	if err != nil {
		return err
	}
	if proof.index >= tree.N {
		return fmt.Errorf("%s: index %d in a tree of %d", proofFile, proof.index, tree.N)
	}
	if err := tlog.CheckRecord(proof.hashes, tree.N, tree.Hash, proof.index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("%s: index %d: %w", proofFile, proof.index, err)
	}
	return printOk(out, tree)
}

type proof struct {
	extra      []byte // nil: none
	index      int64
	hashes     tlog.RecordProof
	checkpoint string
}

// parseProof reads magic, an optional "extra BASE64", "index N", the hashes, an empty line, the checkpoint.
func parseProof(text string) (proof, error) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != proofMagic {
		return proof{}, fmt.Errorf("does not begin with %s", proofMagic)
	}
	p, lines, err := proof{checkpoint: checkpoint}, lines[1:], error(nil)
	if extra, found := strings.CutPrefix(first(lines), "extra "); found {
		if p.extra, err = base64.StdEncoding.DecodeString(extra); err != nil {
			return proof{}, fmt.Errorf("extra: %w", err)
		}
		lines = lines[1:]
	}
	number, found := strings.CutPrefix(first(lines), "index ")
	if p.index, err = strconv.ParseInt(number, 10, 64); !found || err != nil || p.index < 0 {
		return proof{}, fmt.Errorf("line %q, wanted index and a number", first(lines))
	}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return proof{}, fmt.Errorf("hash %q: %w", line, err)
		}
		p.hashes = append(p.hashes, hash)
	}
	return p, nil
}

func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}
