package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"k8s.io/klog/v2"
)

// workers must be several: with one, fsck waits for ever for the worker that ended at a bad tile.
const workers = 8

// askTessera runs Tessera's fsck. Its command exits with 0 whatever it finds (v1.0.4), so its package is called, and no error is
// not enough: the line with which it says that it succeeded must be there too.
func askTessera(q question) (head, error) {
	if q.proof != nil || q.old != nil {
		return head{}, errNotAsked
	}
	var said bytes.Buffer
	klog.LogToStderr(false)
	klog.SetOutput(&said)
	files := client.FileFetcher{Root: q.folder}
	ctx := context.Background()
	err := fsck.New(q.verifier.Name(), q.verifier, files, leafHashes, fsck.Opts{N: workers}).Check(ctx)
	if err != nil {
		return head{}, err
	}
	klog.Flush()
	signed, err := files.ReadCheckpoint(ctx)
	if err != nil {
		return head{}, err
	}
	checkpoint, _, _, err := log.ParseCheckpoint(signed, q.verifier.Name(), q.verifier)
	if err != nil {
		return head{}, err
	}
	success := fmt.Sprintf("Successfully fsck'd log with size %d and root", checkpoint.Size)
	if !bytes.Contains(said.Bytes(), []byte(success)) {
		return head{}, fmt.Errorf("fsck ended without saying %q", success)
	}
	return head{checkpoint.Size, checkpoint.Hash}, nil
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range entries.Entries {
		hashes = append(hashes, hasher.HashLeaf(entry))
	}
	return hashes, nil
}
