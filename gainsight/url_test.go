package gainsight

import (
	"strings"
	"testing"
)

func TestNormalizeURL(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"acme", "https://acme.gainsightcloud.com"},
		{" Acme-EU1 ", "https://acme-eu1.gainsightcloud.com"},
		{"acme.gainsightcloud.com", "https://acme.gainsightcloud.com"},
		{"https://ACME.GainsightCloud.com/", "https://acme.gainsightcloud.com"},
		{"https://acme.gainsightcloud.com:443//", "https://acme.gainsightcloud.com"},
		{"https://goals.example.org.:8443", "https://goals.example.org:8443"},
		{"https://example.org/tenants/acme/", "https://example.org/tenants/acme"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"localhost:8080", "http://localhost:8080"},
		{"localhost", "http://localhost"},
		{"http://LOCALHOST:80/", "http://localhost"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"http://[::1]", "http://[::1]"},
		{"https://localhost:1", "https://localhost:1"},
		{"", ""},
		{"  ", ""},
		{"http://acme.gainsightcloud.com", ""},
		{"http://127.0.0.1.example.org", ""},
		{"http://localhost.example.org", ""},
		{"https://user:" + canary + "@acme.gainsightcloud.com", ""},
		{canary + "@acme.gainsightcloud.com", ""},
		{"https://acme.gainsightcloud.com?key=" + canary, ""},
		{"https://acme.gainsightcloud.com?", ""},
		{"https://acme.gainsightcloud.com#" + canary, ""},
		{"https://u:" + canary + "@ho st/", ""},
		{"https://[" + canary, ""},
		{"https://acme.gainsightcloud.com:port", ""},
		{"https://acme.gainsightcloud.com/v1/ui/home", ""},
		{"ftp://acme.gainsightcloud.com", ""},
		{"https://", ""},
		{"https:///path", ""},
		{"https://a..b", ""},
		{"https://ex\u00e4mple.org", ""},
		{"acme\nevil", ""},
		{"-acme", ""},
		{"javascript:alert(1)", ""},
	} {
		got, err := NormalizeURL(tt.text)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), canary) || !strings.HasPrefix(err.Error(), "base URL")) {
			t.Errorf("%q: %v", tt.text, err)
		}
		if again, err := NormalizeURL(got); got != "" && (again != got || err != nil) {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	}
}

func FuzzNormalizeURL(f *testing.F) {
	for _, text := range []string{"acme", "https://acme.gainsightcloud.com/", "http://[::1]:80", "user@host", "//x", "h/@8:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := NormalizeURL(text)
		if err != nil {
			return
		}
		if again, err := NormalizeURL(got); again != got || err != nil {
			t.Fatalf("%q: %q, then %q, %v", text, got, again, err)
		}
		if strings.ContainsAny(got, "@?# \n") {
			t.Fatalf("%q: %q", text, got)
		}
	})
}
