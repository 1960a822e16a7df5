package emulator_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gsbatch/emulator"
)

// brokenBody panics when it is read.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { panic(errors.New("provoked")) }
func (brokenBody) Close() error             { return nil }

// TestKeyNotInPanicOfHandler has the handler panic in the middle of a call.
func TestKeyNotInPanicOfHandler(t *testing.T) {
	const key = "CANARY-of-the-emulator"
	tenant, err := emulator.New(emulator.Options{AccessKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer tenant.Close()
	var told bytes.Buffer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = brokenBody{}
		tenant.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(&told, "", 0)
	server.Start()
	req, err := http.NewRequest(http.MethodPost, server.URL+"/v1/csgoal/external/create", strings.NewReader(`{"requests":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("accesskey", key)
	req.Header.Set("Content-Type", "application/json")
	if resp, err := server.Client().Do(req); err == nil {
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		t.Errorf("the handler did not panic: %s %s", resp.Status, text)
	}
	server.Close()
	if text := told.String(); !strings.Contains(text, "goroutine ") || strings.Contains(text, key) || strings.Contains(text, "CANARY") {
		t.Errorf("told: %s", text)
	}
	t.Log("promise S1: a handler of the emulator that panics: 0 hits")
}
