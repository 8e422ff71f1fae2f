"""The words that placeholders and names in programs are made of. Plain data; it judges nothing."""

from typing import Final

_NOTHING = """
true false null none nil undefined yes no on off empty unset default required optional string str text bytes bool
int integer number float object any value void self this todo tbd n/a na
"""
NOTHING: Final = frozenset(_NOTHING.split())
"""Values that say there is no value, or which kind one would have."""

_WORDS = """
a an the is are be my your our his its of to in on at by for from with and or not no new old this that here there
pass passwd password passphrase passcode pwd pw secret secrets secure token tokens key keys api app apps auth
authorization authentication bearer basic cred creds credential credentials access private public client server user
users username usr name names id ids uid login logon admin administrator root guest owner member account acct test
tests testing tester dev develop development prod production stage staging local localhost demo sample example fake
dummy mock stub foo bar baz qux quux abc xyz def ghi some any other one two three first second last long short very
super strong weak good bad valid invalid wrong right correct incorrect real raw plain clear cleartext change changed
changeme default value values val string str text data file path url uri host port email mail phone address domain
site web http https ssh ssl tls tcp smtp imap ftp ldap oauth sso jwt jwk oidc saml sign signed signing signature sig
verify verifier verification hash hashed salt salted nonce iv hmac sha md rsa aes ec dsa pem der cert certificate
crypto cipher encrypt encrypted encryption decrypt decryption random rand uuid guid hex base encode encoded decode
decoded session sessions cookie cookies csrf xsrf state scope scopes grant type types kind code refresh expired
expires expiry ttl time timeout date create created update updated delete deleted get set put post list read write
add remove reset recover recovery forgot forget confirm confirmation repeat again current previous next prev page
start end begin count size length len limit max min index idx num number int bool true false null none nil empty
blank missing required optional unset undefined github gitlab git bitbucket aws amazon azure google gcp facebook
twitter slack stripe twilio dropbox tumblr heroku docker kube kubernetes redis mysql postgres postgresql mongo
mongodb sql db database oracle sqlite mssql elastic kafka rabbit rabbitmq nats mqtt vault consul jenkins jira travis
circle npm pypi maven nexus sonar openai anthropic service services resource resources role roles policy group
groups org organization team tenant project workspace namespace cluster node nodes zone region bucket queue topic
stream table column row field config configuration conf settings setting option options param params parameter
parameters arg args env var variable vars request response result results header headers body content message msg
error err exception status ok ko fail failed success info debug warn warning log logger logs trace event events hook
hooks webhook callback handler manager helper util utils factory builder provider store storage cache memory disk
remote source target dest destination input output out left up down top bottom main master slave primary foreign
replica backup shared common global device bot agent proxy gateway router route endpoint consumer producer customer
merchant vendor partner company enterprise personal profile avatar image icon label title description note notes
comment comments hint help about terms enter show hide hidden visible display view open close lock locked unlock
enable enabled disable disabled active inactive use used using uses generate generated generator custom extra
special unique internal external legacy temp temporary tmp once only also more less than when where which who what
how if else then case hello world welcome love letmein qwerty please simple easy hard magic spring django rails
flask react vue angular java python ruby perl php go rust alice bob carol eve john jane doe joe jack smith me you it
we they mode method version v goes must should can will has have does did do ready needed need see under over
between within without per via as so but too return yield raise while class def break continue lambda import except
finally assert match await async function struct enum interface extends static const final throw throws catch switch
"""
WORDS: Final = frozenset(_WORDS.split())
"""Everyday words of programs and documents."""

_PAIRS = """
ab ac ad ag ai al am an ap ar as at av ay ba be bl bo br bu by ca ce ch ck ci cl co cr ct cu da de di do ea ec ed ee
ef ei el em en ep er es et ev ew ex ey fa fe fi fo fr ga ge gh gi go gr gu ha he hi ho ht ic id ie if ig il im in io
ir is it iv ke ki ks la ld le li ll lo ly ma me mi mo mp nc nd ne ng ni nk no ns nt ny ob of ok ol om on oo op or os
ot ou ov ow pa pe pi pl po pp pr ra rd re ri rk rl rm rn ro rs rt ru ry sa sc se sh si so sp ss st su ta te th ti to
tr ts tt tu ty ub uc ue ug ul um un up ur us ut va ve vi vo wa we wh wi wn wo ye ys ze
"""
PAIRS: Final = frozenset(_PAIRS.split())
"""Pairs of letters that make up most of English and of the names in programs."""
