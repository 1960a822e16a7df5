package gainsight

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// tenantDomain is where a tenant lives that is given by its name alone.
const tenantDomain = "gainsightcloud.com"

// NormalizeURL turns a tenant's name ("acme"), host ("acme.gainsightcloud.com")
// or URL into the one form that identifies the tenant: scheme, lower-case host,
// port unless it is the scheme's own, no slash at the end. https is required
// but for hosts on loopback. Userinfo, query and fragment are refused; the
// text of an error never repeats them.
func NormalizeURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errors.New("base URL: is empty; give the tenant's name, host or URL, such as acme or https://acme.gainsightcloud.com")
	}
	if bareName(text) {
		return "https://" + strings.ToLower(text) + "." + tenantDomain, nil
	}
	u, err := parseBase(text)
	if err != nil {
		return "", err
	}
	if err := checkBase(u); err != nil {
		return "", err
	}
	return u.Scheme + "://" + canonicalHost(u) + strings.TrimRight(u.EscapedPath(), "/"), nil
}

func bareName(text string) bool {
	if strings.EqualFold(text, "localhost") || text[0] == '-' || text[len(text)-1] == '-' || len(text) > 63 {
		return false
	}
	for _, c := range []byte(text) {
		if !asciiAlnum(c) && c != '-' {
			return false
		}
	}
	return true
}

func asciiAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// parseBase parses text, giving a host without a scheme the one it must have.
func parseBase(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		u, err := url.Parse("https://" + text)
		if err == nil && loopback(u.Hostname()) {
			u.Scheme = "http"
		}
		return u, unreadable(err)
	}
	u, err := url.Parse(text)
	return u, unreadable(err)
}

// unreadable words a parse error without the text, which may hold a password.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	var reason *url.Error
	if errors.As(err, &reason) && !strings.ContainsAny(reason.Err.Error(), "@\"") {
		return fmt.Errorf("base URL: cannot be read as a URL: %w; give it as https://acme.gainsightcloud.com", reason.Err)
	}
	return errors.New("base URL: cannot be read as a URL; give it as https://acme.gainsightcloud.com")
}

func checkBase(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.User != nil:
		return errors.New("base URL: holds a user name or password; leave out all before the @, the access key is set on its own")
	case u.RawQuery != "" || u.ForceQuery:
		return fmt.Errorf("base URL of host %q: holds a query; leave out the ? and what follows", host)
	case u.Fragment != "":
		return fmt.Errorf("base URL of host %q: holds a fragment; leave out the # and what follows", host)
	case host == "" || !plainHost(host):
		return fmt.Errorf("base URL: host %q is not a host name; give it as https://acme.gainsightcloud.com", host)
	case u.Scheme == "http" && !loopback(host):
		return fmt.Errorf("base URL of host %q: http would show the access key to the network; use https", host)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("base URL of host %q: scheme %q is not https", host, u.Scheme)
	case strings.HasPrefix(u.Path, "/v1") || !plainPath(u.Path):
		return fmt.Errorf("base URL of host %q: its path is not that of an API; give the host alone", host)
	}
	return nil
}

func plainHost(host string) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	for _, c := range []byte(host) {
		if !asciiAlnum(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return !strings.ContainsRune(".-", rune(host[0])) && !strings.Contains(host, "..")
}

func plainPath(path string) bool {
	for _, c := range []byte(path) {
		if !asciiAlnum(c) && !strings.ContainsRune("/-._~", rune(c)) {
			return false
		}
	}
	return !strings.Contains(path, "/.")
}

func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func canonicalHost(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}
