// The cases of test/polyglot/cases.ts in Go: one JSON line per case, with what was answered.
//
// Run with the address and a namespace of its own.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	kvdbv1 "kvdb.dev/kvdb/v1"
)

type facts map[string]interface{}

const timeout = 20 * time.Second

// The library has words of its own for the codes; the contract's are these.
var codeNames = map[codes.Code]string{
	codes.InvalidArgument:    "INVALID_ARGUMENT",
	codes.NotFound:           "NOT_FOUND",
	codes.AlreadyExists:      "ALREADY_EXISTS",
	codes.Aborted:            "ABORTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION",
}

func report(name string, run func(context.Context) (facts, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer := facts{"case": name, "code": "OK"}
	found, err := run(ctx)
	if err == nil {
		answer["facts"] = found
	} else {
		failed := status.Convert(err)
		code, known := codeNames[failed.Code()]
		if !known {
			code = failed.Code().String() + ": " + failed.Message()
		}
		answer["code"] = code
		for _, detail := range failed.Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				answer["reason"] = info.Reason
				answer["domain"] = info.Domain
				answer["hint"] = info.Metadata["hint"] != ""
			}
		}
	}
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

type client struct {
	kv        kvdbv1.KvServiceClient
	admin     kvdbv1.AdminServiceClient
	namespace string
}

func (c *client) putNew(ctx context.Context) (facts, error) {
	condition := &kvdbv1.Condition{Condition: &kvdbv1.Condition_IfAbsent{IfAbsent: true}}
	answer, err := c.kv.Put(ctx, &kvdbv1.PutRequest{
		Namespace: c.namespace, Key: []byte("a"), Value: []byte{0x00, 0xff}, Condition: condition,
	})
	if err != nil {
		return nil, err
	}
	header := answer.GetHeader()
	return facts{"revision": fmt.Sprint(header.GetRevision()), "namespace": header.GetNamespace()}, nil
}

func (c *client) get(key string) func(context.Context) (facts, error) {
	return func(ctx context.Context) (facts, error) {
		request := &kvdbv1.GetRequest{Namespace: c.namespace, Key: []byte(key)}
		answer, err := c.kv.Get(ctx, request)
		if err != nil {
			return nil, err
		}
		if answer.GetKv() == nil {
			return facts{"found": false}, nil
		}
		return facts{
			"found":   true,
			"value":   base64.StdEncoding.EncodeToString(answer.GetKv().GetValue()),
			"version": fmt.Sprint(answer.GetKv().GetVersion()),
		}, nil
	}
}

func (c *client) putIfVersion(ctx context.Context) (facts, error) {
	condition := &kvdbv1.Condition{Condition: &kvdbv1.Condition_IfVersion{IfVersion: 9}}
	_, err := c.kv.Put(ctx, &kvdbv1.PutRequest{
		Namespace: c.namespace, Key: []byte("a"), Value: []byte("x"), Condition: condition,
	})
	return facts{}, err
}

func (c *client) renameAbsent(ctx context.Context) (facts, error) {
	_, err := c.kv.Rename(ctx, &kvdbv1.RenameRequest{
		Namespace: c.namespace, Key: []byte("none"), NewKey: []byte("other"),
	})
	return facts{}, err
}

func (c *client) incrementTwice(ctx context.Context) (facts, error) {
	request := &kvdbv1.IncrementRequest{
		Namespace: c.namespace, Key: []byte("n"), Delta: 5, RequestId: "the-same",
	}
	values := []string{}
	for range [2]int{} {
		answer, err := c.kv.Increment(ctx, request)
		if err != nil {
			return nil, err
		}
		values = append(values, fmt.Sprint(answer.GetValue()))
	}
	return facts{"values": values}, nil
}

func (c *client) bulkLoad(ctx context.Context) (facts, error) {
	stream, err := c.kv.BulkLoad(ctx)
	if err != nil {
		return nil, err
	}
	for chunk := uint64(1); chunk <= 2; chunk++ {
		entry := &kvdbv1.KeyValue{Key: []byte(fmt.Sprintf("bulk/%d", chunk)), Value: []byte("v")}
		request := &kvdbv1.BulkLoadRequest{
			Namespace: c.namespace, ChunkId: chunk, Kvs: []*kvdbv1.KeyValue{entry},
		}
		if err := stream.Send(request); err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	chunks := []string{}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return facts{"chunks": chunks}, nil
		}
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, fmt.Sprint(answer.GetChunkId()))
	}
}

func (c *client) listKeys(ctx context.Context) (facts, error) {
	prefix := &kvdbv1.KeyRange{Range: &kvdbv1.KeyRange_Prefix{Prefix: []byte("bulk/")}}
	answer, err := c.kv.List(ctx, &kvdbv1.ListRequest{Namespace: c.namespace, Range: prefix})
	if err != nil {
		return nil, err
	}
	keys := []string{}
	for _, entry := range answer.GetKvs() {
		keys = append(keys, string(entry.GetKey()))
	}
	return facts{"keys": keys}, nil
}

func (c *client) scanKeys(ctx context.Context) (facts, error) {
	all := &kvdbv1.KeyRange{Range: &kvdbv1.KeyRange_All{All: true}}
	stream, err := c.kv.Scan(ctx, &kvdbv1.ScanRequest{Namespace: c.namespace, Range: all})
	if err != nil {
		return nil, err
	}
	keys := []string{}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return facts{"keys": keys}, nil
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range answer.GetKvs() {
			keys = append(keys, string(entry.GetKey()))
		}
	}
}

func (c *client) checkpoint(ctx context.Context) (facts, error) {
	mode := kvdbv1.CheckpointMode_CHECKPOINT_MODE_TRUNCATE
	answer, err := c.admin.Checkpoint(ctx, &kvdbv1.CheckpointRequest{Mode: mode})
	if err != nil {
		return nil, err
	}
	return facts{"outcome": answer.GetOutcome().String()}, nil
}

func (c *client) pragmas(ctx context.Context) (facts, error) {
	answer, err := c.admin.GetPragmaStatus(ctx, &kvdbv1.GetPragmaStatusRequest{})
	if err != nil {
		return nil, err
	}
	journalMode, drift := "", false
	for _, connection := range answer.GetConnections() {
		isWriter := connection.GetRole() == kvdbv1.ConnectionRole_CONNECTION_ROLE_WRITER
		for _, pragma := range connection.GetPragmas() {
			drift = drift || pragma.GetDrift()
			if isWriter && pragma.GetName() == "journal_mode" {
				journalMode = pragma.GetEffective()
			}
		}
	}
	return facts{"journal_mode": journalMode, "drift": drift}, nil
}

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(timeout))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	c := &client{kvdbv1.NewKvServiceClient(connection), kvdbv1.NewAdminServiceClient(connection), os.Args[2]}
	report("put a new key", c.putNew)
	report("put it again, if absent", c.putNew)
	report("get it", c.get("a"))
	report("get an absent key", c.get("none"))
	report("get an empty key", c.get(""))
	report("put it, if at another version", c.putIfVersion)
	report("rename an absent key", c.renameAbsent)
	report("increment twice under one id", c.incrementTwice)
	report("load two chunks", c.bulkLoad)
	report("list a prefix", c.listKeys)
	report("scan everything", c.scanKeys)
	report("checkpoint", c.checkpoint)
	report("read the pragmas", c.pragmas)
}
