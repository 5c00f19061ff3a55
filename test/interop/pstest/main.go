// Fake Google Pub/Sub server (gRPC only, plaintext h2c) around cloud.google.com/go/pubsub/pstest,
// with the real service's publish limits and optional fault injection added in an interceptor.
// Built from Debian packages only; install-peers says how.
package main

import (
	"context"
	"flag"
	"log"
	"math/rand"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/pstest"
	"github.com/golang/protobuf/proto"
	pb "google.golang.org/genproto/googleapis/pubsub/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // lets clients send gzip-compressed publish requests
	"google.golang.org/grpc/status"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8086", "listen address (loopback)")
	topics := flag.String("topics", "", "comma list of projects/P/topics/T to pre-create")
	subs := flag.String("subs", "", "comma list of projects/P/subscriptions/S=projects/P/topics/T to pre-create")
	failPct := flag.Int("fail-pct", 0, "percent of Publish calls answered with -fail-code before being applied")
	lostPct := flag.Int("lost-pct", 0, "percent of Publish calls applied but answered UNAVAILABLE (duplicate maker)")
	failCode := flag.Int("fail-code", int(codes.Unavailable), "gRPC code for -fail-pct")
	delay := flag.Duration("delay", 0, "added latency of Publish")
	stats := flag.Duration("stats", 0, "print counters at this interval")
	flag.Parse()

	fake := pstest.NewServer() // its own listener (random port) stays unused
	var calls, msgs int64
	icept := func(ctx context.Context, req interface{}, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (interface{}, error) {
		p, ok := req.(*pb.PublishRequest)
		if !ok {
			return h(ctx, req)
		}
		if err := check(p); err != nil {
			return nil, err
		}
		time.Sleep(*delay)
		if rand.Intn(100) < *failPct {
			return nil, status.Error(codes.Code(*failCode), "injected failure")
		}
		res, err := h(ctx, req)
		atomic.AddInt64(&calls, 1)
		atomic.AddInt64(&msgs, int64(len(p.Messages)))
		if err == nil && rand.Intn(100) < *lostPct {
			return nil, status.Error(codes.Unavailable, "injected loss of the answer")
		}
		return res, err
	}
	srv := grpc.NewServer(grpc.MaxRecvMsgSize(12<<20), grpc.MaxSendMsgSize(32<<20), grpc.UnaryInterceptor(icept))
	pb.RegisterPublisherServer(srv, &fake.GServer)
	pb.RegisterSubscriberServer(srv, &fake.GServer)
	ctx := context.Background()
	for _, t := range split(*topics) {
		if _, err := fake.GServer.CreateTopic(ctx, &pb.Topic{Name: t}); err != nil {
			log.Fatal(err)
		}
	}
	for _, s := range split(*subs) {
		nt := strings.SplitN(s, "=", 2)
		if _, err := fake.GServer.CreateSubscription(ctx, &pb.Subscription{Name: nt[0], Topic: nt[1], AckDeadlineSeconds: 10, EnableMessageOrdering: true}); err != nil {
			log.Fatal(err)
		}
	}
	if *stats > 0 {
		go func() {
			for range time.Tick(*stats) {
				log.Printf("publish calls=%d messages=%d", atomic.LoadInt64(&calls), atomic.LoadInt64(&msgs))
			}
		}()
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("pstest listening on %s", l.Addr())
	log.Fatal(srv.Serve(l))
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

func check(p *pb.PublishRequest) error {
	bad := func(f string, a ...interface{}) error { return status.Errorf(codes.InvalidArgument, f, a...) }
	if n := len(p.Messages); n == 0 || n > 1000 {
		return bad("The value for message_count is %d; must be 1..1000", n)
	}
	if proto.Size(p) > 10_000_000+4096 { // documented as '10 MB'; the exact cut is Google's own
		return bad("Request payload size exceeds the limit")
	}
	for _, m := range p.Messages {
		if len(m.Data) == 0 && len(m.Attributes) == 0 {
			return bad("Some messages are empty")
		}
		if len(m.Data) > 10_000_000 {
			return bad("Message size exceeds the limit: %d", len(m.Data))
		}
		if len(m.Attributes) > 100 {
			return bad("Too many attributes: %d", len(m.Attributes))
		}
		if len(m.OrderingKey) > 1024 {
			return bad("Ordering key too long")
		}
		for k, v := range m.Attributes {
			if k == "" || len(k) > 256 || len(v) > 1024 || strings.HasPrefix(k, "goog") {
				return bad("Bad attribute %q (key 1..256 B, not goog*, value at most 1024 B)", k)
			}
		}
	}
	return nil
}
