package main

import (
	"bytes"
	"net/url"
	"strings"
	"sync"
)

// redacted stands where a secret would.
const redacted = "[redacted]"

// shortestSecret is the length below which a text is not taken for a secret:
// replacing it would ruin what is printed and hide nothing.
const shortestSecret = 6

// redactor knows the secrets of this process, in every form in which they may
// come back. It may be used by many goroutines.
type redactor struct {
	mu    sync.RWMutex
	known map[string]bool
	forms []string
}

func newRedactor() *redactor { return &redactor{known: make(map[string]bool)} }

// add makes secret unprintable from now on.
func (r *redactor) add(secret string) {
	if len(secret) < shortestSecret {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[secret] {
		return
	}
	r.known[secret] = true
	r.forms = append(r.forms, secret)
	for _, form := range []string{url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(jsonText(secret), `"`)} {
		if form != secret {
			r.forms = append(r.forms, form)
		}
	}
}

// redact returns s without any secret.
func (r *redactor) redact(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}

// within says whether p holds a secret.
func (r *redactor) within(p []byte) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		if bytes.Contains(p, []byte(form)) {
			return true
		}
	}
	return false
}
