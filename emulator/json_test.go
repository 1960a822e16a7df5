package emulator

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzBodies sends any body to every endpoint: each answer is JSON, or a page
// of the gateway, and nothing panics.
func FuzzBodies(f *testing.F) {
	for _, c := range specCalls() {
		f.Add(readSpec(f, c.name+".request.json"))
	}
	f.Add(`{"requests":[{"record":{"\u004eame":"\ud800","Name":["]}\\\""]}}]}`)
	tenant, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, c := range specCalls() {
			if status, answer := ask(t, tenant, c.method, c.path, body); status == 0 || !json.Valid([]byte(answer)) {
				t.Errorf("%s: %d %s", c.name, status, answer)
			}
		}
	})
}

// FuzzText compares the JSON strings written here with those read by the
// standard library.
func FuzzText(f *testing.F) {
	f.Add("a\"\\\n\x00\u2028\xff株")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(s) && got != s {
			t.Errorf("%q became %q", s, got)
		}
		if back, ok := textOf(appendText(nil, s)); !ok || back != got {
			t.Errorf("%q was read as %q", got, back)
		}
	})
}
