// tlogcheck reads a C2SP tlog-tiles log, from a folder or over HTTP, and checks all of it against its signed
// checkpoint. It stands on golang.org/x/mod/sumdb alone and shares no code with the program that writes the log.
//
//	tlogcheck --vkey KEY [--old CHECKPOINT] [--entries] [--token-file FILE] DIRECTORY|URL
//	tlogcheck --vkey KEY --proof FILE [--entry FILE]
//
// The last line is "ok: size N root BASE64" and the exit status 0; otherwise the reason and 1.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tlogcheck:", err)
		os.Exit(1)
	}
}

func run(args []string, out, info io.Writer) error {
	flags := flag.NewFlagSet("tlogcheck", flag.ContinueOnError)
	flags.SetOutput(info)
	vkey := flags.String("vkey", "", "the log's key, or the `FILE` that holds it")
	old := flags.String("old", "", "a checkpoint kept earlier: the log must be a continuation of it")
	entries := flags.Bool("entries", false, "print each entry, one JSON text a line; the last line goes to stderr")
	tokenFile := flags.String("token-file", "", "a file with the bearer token for URL")
	proof := flags.String("proof", "", "check this .tlog-proof instead of a log")
	entry := flags.String("entry", "", "the entry that the proof is about (default: the proof's extra data)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	verifier, err := newVerifier(*vkey)
	if err != nil {
		return err
	}
	if *proof != "" {
		return checkProofFile(verifier, *proof, *entry, out)
	}
	if flags.NArg() != 1 {
		return errors.New("wanted one DIRECTORY or URL")
	}
	source, err := newSource(flags.Arg(0), *tokenFile)
	if err != nil {
		return err
	}
	return checkLog(source, verifier, *old, *entries, out, info)
}

func newVerifier(vkey string) (note.Verifier, error) {
	if vkey == "" {
		return nil, errors.New("--vkey is missing")
	}
	if text, err := os.ReadFile(vkey); err == nil {
		vkey = string(text)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("--vkey: %w", err)
	}
	return verifier, nil
}

func checkLog(source source, verifier note.Verifier, oldFile string, print bool, out, info io.Writer) error {
	signed, err := source.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	entries, err := readEntries(source, tree.N)
	if err != nil {
		return err
	}
	if err := checkTree(source, tree, entries); err != nil {
		return err
	}
	if oldFile != "" {
		if err := checkOld(source, verifier, tree, oldFile); err != nil {
			return err
		}
	}
	last := out
	if print {
		last = info
		if err := printEntries(out, entries); err != nil {
			return err
		}
	}
	return printOk(last, tree)
}

func printOk(out io.Writer, tree tlog.Tree) error {
	_, err := fmt.Fprintf(out, "ok: size %d root %s\n", tree.N, base64.StdEncoding.EncodeToString(tree.Hash[:]))
	return err
}

func printEntries(out io.Writer, entries [][]byte) error {
	var text bytes.Buffer
	for index, entry := range entries {
		if err := json.Compact(&text, entry); err != nil {
			return fmt.Errorf("entry %d is not JSON: %w", index, err)
		}
		text.WriteByte('\n')
	}
	_, err := out.Write(text.Bytes())
	return err
}
