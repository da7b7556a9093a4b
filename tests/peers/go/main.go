// Go's gRPC as the other end for tests/integration/test_grpc.py.
//
//	peer call TARGET   makes calls to grpc_peer's methods; prints what is wrong, or "ok"
//	peer serve         serves the same methods; prints "listening PORT"
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// rawCodec passes bytes through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(data)
	return nil
}
func (rawCodec) Name() string { return "proto" }

const service = "/beleg.test.Peer/"

type client struct{ conn *grpc.ClientConn }

func (c client) call(method string, message []byte, timeout time.Duration, options ...grpc.CallOption) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var answer []byte
	err := c.conn.Invoke(ctx, service+method, &message, &answer, options...)
	return answer, err
}

func (c client) checkSizes() error {
	for _, size := range []int{0, 1, 1000, 16384, 400_000, 4 << 20} {
		message := bytes.Repeat([]byte("m"), size)
		for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
			answer, err := c.call("Echo", message, 30*time.Second, append(options, grpc.MaxCallRecvMsgSize(8<<20))...)
			if err != nil || !bytes.Equal(answer, message) {
				return fmt.Errorf("%d bytes came back as %d: %v", size, len(answer), err)
			}
		}
	}
	return nil
}

func (c client) checkMetadata() error {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-text", "value", "x-raw-bin", "\x00\xff")
	var head, trailer metadata.MD
	message, answer := []byte("m"), []byte(nil)
	err := c.conn.Invoke(ctx, service+"Echo", &message, &answer, grpc.Header(&head), grpc.Trailer(&trailer))
	for _, fields := range []metadata.MD{head, trailer} {
		if err != nil || len(fields["x-raw-bin"]) != 1 || fields["x-raw-bin"][0] != "\x00\xff" || fields["x-text"][0] != "value" {
			return fmt.Errorf("metadata came back as %v: %v", fields, err)
		}
	}
	return nil
}

func (c client) checkCodes() error {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		_, err := c.call("Fail", fmt.Appendf(nil, "%d größer\n100%%", code), 30*time.Second)
		got := status.Convert(err)
		if got.Code() != code || got.Message() != "größer\n100%" || len(got.Details()) != 1 {
			return fmt.Errorf("status %v came as %v with details %v", code, err, got.Details())
		}
	}
	for method, want := range map[string]codes.Code{"Nothing": codes.Unimplemented, "Slow": codes.DeadlineExceeded} {
		if _, err := c.call(method, nil, 300*time.Millisecond); status.Code(err) != want {
			return fmt.Errorf("%s: %v", method, err)
		}
	}
	_, err := c.call("Echo", make([]byte, 5<<20), 30*time.Second)
	if status.Convert(err).Message() != "grpc: received message larger than max (5242880 vs. 4194304)" {
		return fmt.Errorf("oversize: %v", err)
	}
	return nil
}

func (c client) checkThousand() error {
	var group sync.WaitGroup
	failures := make(chan error, 1000)
	for i := range 1000 {
		group.Add(1)
		go func() {
			defer group.Done()
			message := bytes.Repeat(fmt.Appendf(nil, "%d", i), 100)
			answer, err := c.call("Echo", message, time.Minute)
			if err != nil || !bytes.Equal(answer, message) {
				failures <- fmt.Errorf("call %d of 1000: %v", i, err)
			}
		}()
	}
	group.Wait()
	close(failures)
	return <-failures
}

func runClient(target string) error {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	c := client{conn}
	for _, check := range []func() error{c.checkSizes, c.checkMetadata, c.checkCodes, c.checkThousand} {
		if err := check(); err != nil {
			return err
		}
	}
	fmt.Println("ok")
	return nil
}

func serveAny(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	switch strings.TrimPrefix(method, service) {
	case "Echo":
		fields, _ := metadata.FromIncomingContext(stream.Context())
		if len(fields["x-raw-bin"]) != 1 || fields["x-raw-bin"][0] != "\x00\xff" {
			return status.Error(codes.Internal, "metadata was lost")
		}
		return stream.SendMsg(&message)
	case "Fail":
		return status.Error(codes.FailedPrecondition, "größer 100%")
	case "Slow":
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	return status.Error(codes.Unimplemented, "unknown method")
}

func runServer() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	return grpc.NewServer(grpc.UnknownServiceHandler(serveAny), grpc.MaxConcurrentStreams(100)).Serve(listener)
}

func main() {
	encoding.RegisterCodec(rawCodec{})
	err := fmt.Errorf("usage: peer call TARGET | peer serve")
	if len(os.Args) == 3 && os.Args[1] == "call" {
		err = runClient(os.Args[2])
	} else if len(os.Args) == 2 && os.Args[1] == "serve" {
		err = runServer()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
