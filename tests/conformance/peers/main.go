// peers has logs and proofs of ours checked by programs of other people: transparency-dev's merkle and formats, Tessera's fsck,
// and torchwood. It shares no code with the program that writes the log.
//
//	peers --with merkle|tessera|torchwood --vkey KEY DIRECTORY
//	peers --with merkle --vkey KEY --old CHECKPOINT DIRECTORY
//	peers --with merkle|torchwood --vkey KEY --proof FILE --entry FILE
//
// The last line is "ok: size N root BASE64" and the exit status 0; otherwise the reason and 1. There is an answer within --limit
// seconds, whatever the library does.
package main

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A question is one log, or one proof, that a peer is asked about.
type question struct {
	verifier note.Verifier
	folder   string // the log
	old      []byte // a checkpoint that the log must continue; nil: none
	proof    []byte // a .tlog-proof, instead of the log; nil: none
	entry    []byte // that the proof is about
}

// A head is what a peer found to be signed and true.
type head struct {
	size uint64
	root []byte
}

// peers answer questions. What one cannot do is an error.
var peers = map[string]func(question) (head, error){
	"merkle":    askMerkle,
	"tessera":   askTessera,
	"torchwood": askTorchwood,
}

var errNotAsked = errors.New("this peer has no answer to such a question")

func main() {
	found, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
	fmt.Printf("ok: size %d root %s\n", found.size, base64.StdEncoding.EncodeToString(found.root))
}

func run(args []string) (head, error) {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	with := flags.String("with", "", "merkle, tessera or torchwood")
	vkey := flags.String("vkey", "", "the log's key, or the `FILE` that holds it")
	old := flags.String("old", "", "a checkpoint kept earlier: the log must be a continuation of it")
	proof := flags.String("proof", "", "check this .tlog-proof instead of a log")
	entry := flags.String("entry", "", "the entry that the proof is about")
	limit := flags.Duration("limit", 30*time.Second, "time for an answer")
	if err := flags.Parse(args); err != nil {
		return head{}, err
	}
	ask, known := peers[*with]
	if !known {
		return head{}, errors.New("--with is merkle, tessera or torchwood")
	}
	q := question{folder: flags.Arg(0)}
	var err error
	if q.verifier, err = newVerifier(*vkey); err != nil {
		return head{}, err
	}
	for file, content := range map[string]*[]byte{*old: &q.old, *proof: &q.proof, *entry: &q.entry} {
		if file == "" {
			continue
		}
		if *content, err = os.ReadFile(file); err != nil {
			return head{}, err
		}
	}
	if (q.folder == "") == (q.proof == nil) {
		return head{}, errors.New("wanted one DIRECTORY, or --proof")
	}
	return within(*limit, func() (head, error) { return ask(q) })
}

func newVerifier(vkey string) (note.Verifier, error) {
	if text, err := os.ReadFile(vkey); err == nil {
		vkey = string(text)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("--vkey: %w", err)
	}
	return verifier, nil
}

// within gives what answer gives, or an error when it takes too long or panics: a library that hangs on a bad log has not
// accepted it.
func within(limit time.Duration, answer func() (head, error)) (found head, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if reason := recover(); reason != nil {
				found, err = head{}, fmt.Errorf("panic: %v", reason)
			}
		}()
		found, err = answer()
	}()
	select {
	case <-done:
		return found, err
	case <-time.After(limit):
		return head{}, fmt.Errorf("no answer within %v", limit)
	}
}
