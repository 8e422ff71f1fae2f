"""Every module of the list does its work inside the sealed interpreter."""

import pytest

from holdfast.server.interpreting import python_sources

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

# A program for each module whose last expression is true.
USES = {
    "cmath": "cmath.sqrt(-1) == 1j",
    "decimal": "str(decimal.Decimal('0.1') + decimal.Decimal('0.2')) == '0.3'",
    "fractions": "fractions.Fraction(1, 3) + fractions.Fraction(1, 6) == fractions.Fraction(1, 2)",
    "math": "math.comb(10, 3) == 120 and math.isclose(math.sin(math.pi), 0, abs_tol=1e-9)",
    "numbers": "isinstance(1, numbers.Integral)",
    "random": "random.Random(1).randint(1, 6) == random.Random(1).randint(1, 6)",
    "statistics": "statistics.median([3, 1, 2]) == 2 and round(statistics.stdev([1, 2, 3]), 6) == 1",
    "codecs": "codecs.encode('abc', 'rot13') == 'nop' and b'\\xe9'.decode('latin-1') == 'é'",
    "difflib": "len(list(difflib.unified_diff(['a'], ['b']))) == 5",
    "fnmatch": "fnmatch.filter(['a.py', 'b.txt'], '*.py') == ['a.py']",
    "html": "html.unescape('&lt;&eacute;') == '<é'",
    "html.entities": "html.entities.name2codepoint['amp'] == 38",
    "html.parser": "p = html.parser.HTMLParser(); p.feed('<a>'); p.rawdata == ''",
    "locale": "locale.getpreferredencoding() != ''",
    "re": "re.sub(r'(\\w+) (\\w+)', r'\\2 \\1', 'a b') == 'b a'",
    "shlex": "shlex.split('a \"b c\"') == ['a', 'b c']",
    "string": "string.Template('$a').substitute(a=1) == '1'",
    "textwrap": "textwrap.fill('a b c', 3) == 'a b\\nc'",
    "unicodedata": "unicodedata.name('é') == 'LATIN SMALL LETTER E WITH ACUTE'",
    "array": "array.array('i', [1, 2]).tolist() == [1, 2]",
    "base64": "base64.b64decode(base64.b64encode(b'x')) == b'x'",
    "binascii": "binascii.hexlify(b'\\x01') == b'01' and binascii.crc32(b'a') == 3904355907",
    "bisect": "bisect.bisect([1, 3], 2) == 1",
    "collections": "collections.Counter('aab').most_common(1) == [('a', 2)]",
    "collections.abc": "isinstance([], collections.abc.Sequence)",
    "colorsys": "colorsys.rgb_to_hsv(1, 0, 0) == (0.0, 1.0, 1)",
    "configparser": "c = configparser.ConfigParser(); c.read_string('[a]\\nb = 1'); c['a']['b'] == '1'",
    "copy": "copy.deepcopy({'a': [1]}) == {'a': [1]}",
    "csv": "import io; list(csv.DictReader(io.StringIO('a,b\\n1,2'))) == [{'a': '1', 'b': '2'}]",
    "dataclasses": "D = dataclasses.make_dataclass('D', ['x']); dataclasses.asdict(D(1)) == {'x': 1}",
    "enum": "E = enum.Enum('E', 'A B'); E.B.value == 2",
    "graphlib": "list(graphlib.TopologicalSorter({'b': {'a'}}).static_order()) == ['a', 'b']",
    "heapq": "heapq.nsmallest(2, [3, 1, 2]) == [1, 2]",
    "json": "json.loads(json.dumps({'a': [1, None]})) == {'a': [1, None]}",
    "pickle": "pickle.loads(pickle.dumps([1, {'a'}])) == [1, {'a'}]",
    "plistlib": "plistlib.loads(plistlib.dumps({'a': 1})) == {'a': 1}",
    "pprint": "pprint.pformat({'a': 1}) == \"{'a': 1}\"",
    "queue": "q = queue.Queue(); q.put(1); q.get() == 1",
    "reprlib": "'...' in reprlib.repr(list(range(100)))",
    "sqlite3": "sqlite3.connect(':memory:').execute('select upper(?)', ('a',)).fetchone() == ('A',)",
    "struct": "struct.unpack('<I', struct.pack('<I', 7)) == (7,)",
    "tomllib": "tomllib.loads('a = 1') == {'a': 1}",
    "types": "types.SimpleNamespace(a=1).a == 1",
    "weakref": "class A: pass\na = A(); weakref.ref(a)() is a",
    "xml.dom.minidom": "xml.dom.minidom.parseString('<a b=\"1\"/>').documentElement.getAttribute('b') == '1'",
    "xml.etree.ElementTree": "xml.etree.ElementTree.fromstring('<a><b>x</b></a>').find('b').text == 'x'",
    "xml.sax": "xml.sax.parseString(b'<a/>', xml.sax.ContentHandler()) is None",
    "calendar": "calendar.monthrange(2024, 2)[1] == 29",
    "datetime": "datetime.datetime.strptime('2024-02-29', '%Y-%m-%d').isoformat() == '2024-02-29T00:00:00'",
    "time": "time.strftime('%Y', time.gmtime(0)) == '1970' and time.time() > 1_700_000_000",
    "zoneinfo": (
        "import datetime; z = zoneinfo.ZoneInfo('Europe/Paris'); 'Asia/Tokyo' in zoneinfo.available_timezones() "
        "and datetime.datetime(2024, 7, 1, tzinfo=z).utcoffset() == datetime.timedelta(hours=2)"
    ),
    "abc": "class A(abc.ABC): pass\nisinstance(A(), A)",
    "argparse": "p = argparse.ArgumentParser(); p.add_argument('--a'); p.parse_args(['--a', '1']).a == '1'",
    "ast": "ast.unparse(ast.parse('x=1')) == 'x = 1' and ast.literal_eval('[1]') == [1]",
    "contextlib": "with contextlib.suppress(KeyError): {}['a']\nTrue",
    "contextvars": "v = contextvars.ContextVar('v', default=1); v.get() == 1",
    "dis": "len(list(dis.get_instructions('x = 1'))) > 2",
    "functools": "functools.reduce(lambda a, b: a + b, [1, 2, 3]) == 6",
    "gc": "gc.collect() >= 0",
    "inspect": "str(inspect.signature(lambda a, b=1: 0)) == '(a, b=1)'",
    "itertools": "list(itertools.batched('abc', 2)) == [('a', 'b'), ('c',)]",
    "keyword": "keyword.iskeyword('if')",
    "linecache": "linecache.getline('<code>', 1).startswith('import')",
    "logging": "logging.getLogger('a').warning('said') is None",
    "operator": "operator.itemgetter(1)([1, 2]) == 2",
    "optparse": "optparse.OptionParser().parse_args([])[1] == []",
    "timeit": "timeit.timeit('1', number=1) >= 0",
    "token": "token.tok_name[token.NAME] == 'NAME'",
    "tokenize": "import io; len(list(tokenize.generate_tokens(io.StringIO('x = 1').readline))) == 5",
    "traceback": "'ValueError' in ''.join(traceback.format_exception(ValueError('x')))",
    "typing": "class T(typing.TypedDict):\n    a: int\ntyping.get_type_hints(T) == {'a': int}",
    "unittest": "unittest.TestCase().assertEqual(1, 1) is None",
    "warnings": "warnings.warn('said') is None",
    "hashlib": "hashlib.sha256(b'').hexdigest().startswith('e3b0c442') and len(hashlib.blake2b(b'').digest()) == 64",
    "hmac": "hmac.new(b'k', b'm', 'sha256').hexdigest()[:8] == hmac.digest(b'k', b'm', 'sha256').hex()[:8]",
    "secrets": "len(secrets.token_hex(8)) == 16",
    "uuid": "uuid.uuid4().version == 4 and str(uuid.uuid5(uuid.NAMESPACE_DNS, 'a.b')).count('-') == 4",
    "zlib": "zlib.decompress(zlib.compress(b'a' * 99)) == b'a' * 99",
    "glob": "open('a.csv', 'w').close(); glob.glob('*.csv') == ['a.csv']",
    "gzip": "gzip.decompress(gzip.compress(b'x')) == b'x' and gzip.open('a.gz', 'w').write(b'x') == 1",
    "io": "io.TextIOWrapper(io.BytesIO(b'a\\nb')).readlines() == ['a\\n', 'b']",
    "os": "os.makedirs('a/b'); open('a/b/c', 'w').close(); [n for _, _, n in os.walk('a')] == [[], ['c']]",
    "os.path": "os.path.join('a', 'b') == 'a/b' and not os.path.exists('a')",
    "pathlib": "pathlib.Path('a').write_text('x') == 1 and [p.name for p in pathlib.Path('.').iterdir()] == ['a']",
    "posixpath": "posixpath.basename('a/b') == 'b'",
    "shutil": "open('a', 'w').write('x'); shutil.copyfile('a', 'b'); open('b').read() == 'x'",
    "tarfile": (
        "import io; t = tarfile.open('a.tar', 'w'); i = tarfile.TarInfo('f'); i.size = 1; "
        "t.addfile(i, io.BytesIO(b'x')); t.close(); tarfile.open('a.tar').extractfile('f').read() == b'x'"
    ),
    "zipfile": (
        "z = zipfile.ZipFile('a.zip', 'w'); z.writestr('f', 'x'); z.close(); zipfile.ZipFile('a.zip').read('f') == b'x'"
    ),
    "email": "email.message_from_string('Subject: a\\n\\nb')['subject'] == 'a'",
    "email.message": "m = email.message.EmailMessage(); m.set_content('é'); 'utf-8' in m.as_string()",
    "email.parser": "email.parser.BytesParser().parsebytes(b'A: b\\n\\n')['a'] == 'b'",
    "email.policy": "email.policy.default.max_line_length == 78",
    "ipaddress": "ipaddress.ip_address('10.0.0.1').is_private",
    "mimetypes": "mimetypes.guess_type('a.html')[0] == 'text/html'",
    "quopri": "quopri.decodestring(b'=3D') == b'='",
    "urllib.parse": "urllib.parse.urlencode({'a': 'b c'}) == 'a=b+c'",
    "builtins": "builtins.len('a') == 1",
    "errno": "errno.ENOENT == 44",
    "platform": "platform.python_version().startswith('3.')",
    "stat": "stat.S_ISREG(0o100644)",
    "sys": "sys.version_info >= (3, 14)",
    "sysconfig": "sysconfig.get_python_version() == '3.14'",
}


def test_the_list_and_these_tests_name_the_same_modules() -> None:
    assert set(USES) == set(python_sources().modules)


@pytest.mark.parametrize("module", USES)
async def test_a_module_of_the_list_does_its_work(sealed, module: str) -> None:
    assert await sealed.value(f"import {module}\n{USES[module]}") is True


@pytest.mark.parametrize("module", ["ctypes", "multiprocessing", "ssl", "subprocess", "asyncio", "pip", "numpy"])
async def test_what_is_not_on_the_list_cannot_be_imported(sealed, module: str) -> None:
    assert (await sealed.said(f"import {module}"))["error"]["type"] == "ModuleNotFoundError"
