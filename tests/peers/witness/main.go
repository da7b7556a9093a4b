// Ends of the witness protocol that are not ours, for tests/integration/test_witness.py:
//
//	agent SOCKET              an ssh-agent with one fresh Ed25519 key, which litewitness wants; prints its fingerprint
//	sign KEYFILE              signs the text on stdin as a note
//	tessera DIR URL VKEY N    a log of N entries by Tessera's POSIX driver, published only with the witness's cosignature;
//	                          prints the log's verifier key first and waits for a line on stdin, then writes the log
package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "agent":
		return serveAgent(args[1])
	case len(args) == 2 && args[0] == "sign":
		return sign(args[1])
	case len(args) == 5 && args[0] == "tessera":
		count, err := strconv.Atoi(args[4])
		if err != nil {
			return err
		}
		return writeLog(args[1], args[2], args[3], count)
	}
	return errors.New("want agent SOCKET, sign KEYFILE, or tessera DIR URL VKEY N")
}

func serveAgent(socket string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	keyring := agent.NewKeyring()
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	fmt.Println(ssh.FingerprintSHA256(key))
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go agent.ServeAgent(keyring, connection)
	}
}

func sign(keyFile string) error {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(signed)
	return err
}

func writeLog(dir, url, witnessKey string, count int) error {
	private, public, err := note.GenerateKey(rand.Reader, "example.com/tessera")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	fmt.Println(public)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil { // the witness knows the log now
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	policy := fmt.Sprintf("witness w1 %s %s\ngroup g1 all w1\nquorum g1\n", witnessKey, url)
	witnesses, err := tessera.NewWitnessGroupFromPolicy([]byte(policy))
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		WithBatching(32, 10*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{FailOpen: false, Timeout: 5 * time.Second}))
	if err != nil {
		return err
	}
	for i := 0; i < count; { // in several batches, so that the log grows under the witness's eyes
		var futures []tessera.IndexFuture
		for ; i < count && len(futures) < 50; i++ {
			futures = append(futures, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d", i))))
		}
		for _, future := range futures {
			if _, err := future(); err != nil {
				return err
			}
		}
		time.Sleep(120 * time.Millisecond)
	}
	return shutdown(ctx) // waits until the last entry is published
}
