package gsbatch_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gsbatch/emulator"
)

// benchServer is a tenant that costs next to nothing: it answers creates and
// fetches from memory, without looking at what they say, and leaves the rest
// (picklists) to the emulator. All contenders of a line use the same.
type benchServer struct {
	url    string
	rest   http.Handler
	goals  atomic.Int64 // that a fetch finds
	made   atomic.Int64 // creates
	first  atomic.Int64 // when the first of them came since reset, Unix nanoseconds
	bodies sync.Pool

	mu    sync.Mutex
	calls *[]time.Time // when calls came, while they are recorded
}

// emulated is the size of a tenant that the emulator alone serves.
const emulated = -1

// TestBenchServer serves the benchmark's tenant on the address that
// GSBATCH_BENCH_SERVER names until it is interrupted, for profiles. It has
// GSBATCH_BENCH_GOALS goals.
func TestBenchServer(t *testing.T) {
	addr := os.Getenv("GSBATCH_BENCH_SERVER")
	if addr == "" {
		t.Skip("serves profiles: GSBATCH_BENCH_SERVER is an address")
	}
	server := startBenchServer(t, addr)
	if goals := os.Getenv("GSBATCH_BENCH_GOALS"); goals != "" {
		n, err := strconv.Atoi(goals)
		if err != nil {
			t.Fatal(err)
		}
		server.reset(n)
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}

func startBenchServer(t *testing.T, addr string) *benchServer {
	t.Helper()
	tenant, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &benchServer{url: "http://" + l.Addr().String(), rest: tenant}
	s.bodies.New = func() any { return new([]byte) }
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// record begins to note when calls come.
func (s *benchServer) record() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = new([]time.Time)
}

// stopRecording gives what was noted.
func (s *benchServer) stopRecording() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := *s.calls
	s.calls = nil
	return calls
}

func (s *benchServer) note() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls != nil {
		*s.calls = append(*s.calls, time.Now())
	}
}

// reset begins a count of creates anew, on a tenant of so many goals.
func (s *benchServer) reset(goals int) {
	s.goals.Store(int64(goals))
	s.made.Store(0)
	s.first.Store(0)
}

const (
	jsonType     = "application/json"
	createPath   = "/v1/csgoal/external/create"
	createdStart = `{"result":true,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"6ed304d6-f1bf-4bb1-8650-410c1819ef14","data":{"goal":{"CompanyId":"1P02GZA9BI8FRI07JF95E331G0FA4RHW6LUB","CreatedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","CreatedById__gr":{"Name":"Ankith Vaitla"},"CreatedDate":1675156758024,"CurrencyIsoCode":"USD","Description":"Raise the weekly active users","DueDate":"2022-12-21","EntityType":"COMPANY","GoalCategory":"GOAL","GoalTypeId":"1I002JOVZ5WU2870PLHILFPFXDHCUUGQKG6U","Gsid":"`
	createdEnd   = `","ModifiedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","ModifiedById__gr":{"Name":"Ankith Vaitla"},"ModifiedDate":1675156758024,"Name":"CG3","StatusId":"1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN","StatusId__gr":{"Name":"New"}},"userInfo":{"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES":{"gsid":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","name":"Ankith Vaitla","profilePicture":null}}},"message":null,"localizedMessage":null}`
)

// ServeHTTP answers as the specification's samples do.
func (s *benchServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.note()
	switch {
	case s.goals.Load() == emulated:
		s.rest.ServeHTTP(w, r)
	case r.URL.Path == createPath:
		n := s.made.Add(1)
		if n == 1 {
			s.first.Store(time.Now().UnixNano())
		}
		_, _ = io.Copy(io.Discard, r.Body)
		buf := s.bodies.Get().(*[]byte)
		body := (*buf)[:0]
		body = append(body, createdStart...)
		body = append(appendGsid(body, "1CG0", n), createdEnd...)
		s.answer(w, body)
		*buf = body
		s.bodies.Put(buf)
	case strings.HasSuffix(r.URL.Path, "/external/fetch"):
		s.fetch(w, r)
	default:
		s.rest.ServeHTTP(w, r)
	}
}

func (s *benchServer) answer(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = []string{jsonType}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body)
}

// fetch answers with a page of the goals, which have all default fields.
func (s *benchServer) fetch(w http.ResponseWriter, r *http.Request) {
	var q struct{ PageSize, PageNumber int64 }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.PageSize < 1 || q.PageSize > 1000 {
		http.Error(w, "bad fetch", http.StatusBadRequest)
		return
	}
	buf := s.bodies.Get().(*[]byte)
	body := (*buf)[:0]
	body = append(body, `{"result":true,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"6ed304d6-f1bf-4bb1-8650-410c1819ef14","data":{"recordList":[`...)
	row := make([]string, 0, 12)
	from := (q.PageNumber - 1) * q.PageSize
	for i := from; i < min(from+q.PageSize, s.goals.Load()); i++ {
		if i > from {
			body = append(body, ',')
		}
		row = benchRow(int(i), row)
		body = append(body, `{"dataList":{"Name":`...)
		body = strconv.AppendQuote(body, row[0])
		body = append(body, `,"StatusId":"1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN","GoalTypeId":"1I00GO4Q83RGDEM94Y417YFL8IB9L9R5WO99","EntityType":"COMPANY","CompanyId":"`...)
		body = appendGsid(body, "1P02", i%997)
		body = append(append(append(body, `","DueDate":"`...), row[5]...), `","Description":`...)
		body = strconv.AppendQuote(body, row[6])
		body = append(body, `,"CreatedDate":`...)
		body = strconv.AppendInt(body, 1675156758024+i*1000, 10)
		body = append(body, `,"ModifiedDate":`...)
		body = strconv.AppendInt(body, 1675156758024+i*1000, 10)
		body = append(body, `,"CreatedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","ModifiedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","Gsid":"`...)
		body = append(appendGsid(body, "1CG0", i+1), `"},"associatedCTAs":[],"associatedSPs":[]}`...)
	}
	body = append(body, `]},"message":null,"localizedMessage":null}`...)
	s.answer(w, body)
	*buf = body
	s.bodies.Put(buf)
}

// appendGsid appends the n-th Gsid of a prefix, 36 characters.
func appendGsid(dst []byte, prefix string, n int64) []byte {
	return fmt.Appendf(dst, "%s%032d", prefix, n)
}
