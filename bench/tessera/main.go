// Appends to a log of Tessera's POSIX driver, beside ours in `make bench-ledger`:
//
//	tessera_bench FOLDER SECONDS BYTES IN_FLIGHT resolved|published
//
// IN_FLIGHT goroutines each add an entry, wait, and add the next. "resolved": until the entry's future is, which in this driver means
// sequenced, integrated into the tree and synced. "published": until a signed checkpoint covers it. Prints one JSON line.
//
// The driver is set up to its advantage: no antispam; a batch is as large as there are goroutines, so that it is written as soon as
// all of them wait (smaller batches were slower); checkpoints as often as the driver allows.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

const (
	batchAge           = 50 * time.Millisecond  // for the last, smaller batch
	checkpointInterval = 100 * time.Millisecond // the least that the driver takes
	checkpointPoll     = 5 * time.Millisecond
	numberBytes        = 20 // each entry begins with its number, as ours do
)

type load struct {
	folder   string
	duration time.Duration
	bytes    int
	inFlight int
	until    string // "resolved" or "published"
}

func main() {
	l, err := parse(os.Args[1:])
	if err == nil {
		err = l.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tessera_bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (load, error) {
	if len(args) != 5 || (args[4] != "resolved" && args[4] != "published") {
		return load{}, errors.New("want FOLDER SECONDS BYTES IN_FLIGHT resolved|published")
	}
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(args[1+i])
		if err != nil || n < 1 {
			return load{}, fmt.Errorf("%q: not a number above 0", args[1+i])
		}
		numbers[i] = n
	}
	if numbers[1] <= numberBytes {
		return load{}, fmt.Errorf("%d bytes: an entry has more than %d", numbers[1], numberBytes)
	}
	return load{args[0], time.Duration(numbers[0]) * time.Second, numbers[1], numbers[2], args[4]}, nil
}

func (l load) run(ctx context.Context) error {
	quietLog()
	appender, shutdown, reader, err := l.open(ctx)
	if err != nil {
		return err
	}
	wait := func(future tessera.IndexFuture) error {
		_, err := future()
		return err
	}
	if l.until == "published" {
		awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, checkpointPoll)
		wait = func(future tessera.IndexFuture) error {
			_, _, err := awaiter.Await(ctx, future)
			return err
		}
	}
	begin, beginCPU := time.Now(), cpu()
	waits, err := l.closed(ctx, appender, wait)
	taken, used := time.Since(begin), cpu()-beginCPU
	if err := errors.Join(err, shutdown(ctx)); err != nil {
		return err
	}
	slices.Sort(waits)
	at := func(share float64) int64 {
		return waits[min(len(waits)-1, int(share*float64(len(waits))))].Microseconds()
	}
	fmt.Printf(`{"bench":"tessera_append","version":%q,"until":%q,"in_flight":%d,"bytes":%d,"per_s":%.0f,"p50_us":%d,"p99_us":%d,"max_us":%d,"cpu_us":%.1f}`+"\n",
		version(), l.until, l.inFlight, l.bytes, float64(len(waits))/taken.Seconds(), at(0.5), at(0.99), at(1),
		float64(used.Microseconds())/float64(len(waits)))
	return nil
}

func (l load) open(ctx context.Context) (*tessera.Appender, func(context.Context) error, tessera.LogReader, error) {
	private, _, err := note.GenerateKey(rand.Reader, "example.com/tessera")
	if err != nil {
		return nil, nil, nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: l.folder})
	if err != nil {
		return nil, nil, nil, err
	}
	return tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(checkpointInterval).
		WithBatching(uint(l.inFlight), batchAge).
		WithPushback(uint(2*l.inFlight)))
}

// closed keeps inFlight entries under way until the time is over, and returns how long each took.
func (l load) closed(ctx context.Context, appender *tessera.Appender, wait func(tessera.IndexFuture) error) ([]time.Duration, error) {
	var (
		running sync.WaitGroup
		waits   = make([][]time.Duration, l.inFlight)
		failed  = make([]error, l.inFlight)
		end     = time.Now().Add(l.duration)
	)
	for worker := range l.inFlight {
		running.Go(func() {
			for number := worker; time.Now().Before(end); number += l.inFlight {
				entry := make([]byte, l.bytes)
				copy(entry, fmt.Sprintf("%0*d", numberBytes, number))
				start := time.Now()
				if failed[worker] = wait(appender.Add(ctx, tessera.NewEntry(entry))); failed[worker] != nil {
					return
				}
				waits[worker] = append(waits[worker], time.Since(start))
			}
		})
	}
	running.Wait()
	return slices.Concat(waits...), errors.Join(failed...)
}

// cpu is what the process has used so far.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// quietLog keeps the driver's notes off stderr, not its errors.
func quietLog() {
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	flags.Set("logtostderr", "false")
	flags.Set("stderrthreshold", "ERROR")
	klog.SetOutput(io.Discard)
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/transparency-dev/tessera" {
				return module.Version
			}
		}
	}
	return "unknown"
}
