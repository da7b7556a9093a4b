package main

import (
	"context"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// askTorchwood uses torchwood: its client, which authenticates each tile and entry that it reads, and its check of tlog-proofs.
func askTorchwood(q question) (head, error) {
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(q.verifier.Name()), torchwood.SingleVerifierPolicy(q.verifier))
	switch {
	case q.old != nil:
		return head{}, errNotAsked
	case q.proof != nil:
		return checkSpicy(q, policy)
	}
	files, err := torchwood.NewTileFS(os.DirFS(q.folder))
	if err != nil {
		return head{}, err
	}
	ctx := context.Background()
	signed, err := files.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return head{}, err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return head{}, err
	}
	client, err := torchwood.NewClient(files)
	if err != nil {
		return head{}, err
	}
	count := int64(0)
	for index := range client.AllEntries(ctx, checkpoint.Tree, 0) {
		if index != count {
			return head{}, fmt.Errorf("entry %d came where %d was due", index, count)
		}
		count++
	}
	if err := client.Err(); err != nil {
		return head{}, err
	}
	if count != checkpoint.N {
		return head{}, fmt.Errorf("%d entries, the checkpoint says %d", count, checkpoint.N)
	}
	return head{uint64(checkpoint.N), checkpoint.Hash[:]}, nil
}

// checkSpicy gives no size: VerifyProof keeps the checkpoint to itself.
func checkSpicy(q question, policy torchwood.Policy) (head, error) {
	return head{}, torchwood.VerifyProof(policy, tlog.RecordHash(q.entry), q.proof)
}
