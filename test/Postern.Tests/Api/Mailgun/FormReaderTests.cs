using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;
using Postern.Api.Mailgun;
using Postern.Tests.Configuration;

namespace Postern.Tests.Api.Mailgun;

public sealed class FormReaderTests : IDisposable
{
    const int OctetsMax = 1 << 20;
    readonly TemporaryDirectory directory = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    ValueTask<ApiForm> ReadAsync(string type, byte[] body, string? encoding = null)
    {
        var request = new DefaultHttpContext().Request;
        request.ContentType = type;
        request.Headers.ContentEncoding = encoding;
        request.Body = new MemoryStream(body);
        return new FormReader(OctetsMax, directory.PathOf("")).ReadAsync(request, Cancel);
    }

    ValueTask<ApiForm> ReadAsync(string type, string body) =>
        ReadAsync(type, Encoding.UTF8.GetBytes(body.ReplaceLineEndings("\r\n")));

    async Task<ApiException> RefusedAsync(string type, byte[] body, string? encoding = null) =>
        await Assert.ThrowsAsync<ApiException>(async () => await ReadAsync(type, body, encoding));

    static string Show(ApiForm form) =>
        string.Join('|', form.Fields.Select(field => $"{field.Key}={field.Value}"));

    static byte[] Pack(byte[] octets)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(octets);
        return packed.ToArray();
    }

    [Theory]
    [InlineData("to=a%40b.c&to=d@e.f&subject=a+b%2Bc", "to=a@b.c|to=d@e.f|subject=a b+c")]
    [InlineData("to[]=a&attachment[0]=b&x[y]=c&v:[]=d", "to=a|attachment=b|x[y]=c|v:=d")]
    [InlineData("v:userId=1&v:userid=2", "v:userId=1|v:userid=2")]
    [InlineData("", "")]
    [InlineData("a&b=", "a=|b=")]
    public async Task Pairs_AreRead(string body, string expected)
    {
        await using var form = await ReadAsync("application/x-www-form-urlencoded; charset=utf-8", body);
        Assert.Equal(expected, Show(form));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("GZIP")]
    [InlineData("x-gzip")]
    public async Task Body_PackedByGzip_IsRead(string encoding)
    {
        var packed = Pack("to=a@b.c"u8.ToArray());
        await using var form = await ReadAsync("application/x-www-form-urlencoded", packed, encoding);
        Assert.Equal("to=a@b.c", Show(form));
    }

    [Theory] // Its trailer, and a piece of what it says.
    [InlineData(1)]
    [InlineData(12)]
    public async Task Body_PackedByGzip_ThatWasCut_IsNoShorterForm(int octets)
    {
        var packed = Pack("to=a@b.c&text=all+of+it"u8.ToArray());
        Assert.Equal(400, (await RefusedAsync(
            "application/x-www-form-urlencoded", packed[..^octets], "gzip")).Status);
    }

    [Theory]
    [InlineData("--x--\r\n")]
    [InlineData("")]
    public async Task Body_WithoutParts_IsAnEmptyForm(string body)
    {
        await using var form = await ReadAsync("multipart/form-data; boundary=x", body);
        Assert.Empty(form.Fields);
    }

    [Theory]
    [InlineData("-x-")]
    [InlineData("\"a.b\"")]
    public async Task Parts_OfOddClients_AreRead(string boundary)
    {
        var line = "--" + boundary.Trim('"');
        await using var form = await ReadAsync("multipart/form-data; boundary=" + boundary, $"""
            {line}
            Content-Disposition: form-data; name=from

            Ann <a@b.c>
            {line}
            Content-Disposition: form-data; name="to[]"
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            안녕@b.c
            {line}
            Content-Length: 5
            Content-Disposition: form-data; name="subject"

            hello
            {line}
            Content-Disposition: form-data; name="attachment[1]"; filename="C:\dir\안녕.txt"
            Content-Type: text/plain

            first
            {line}
            Content-Disposition: form-data; name=attachment; filename=x; filename*=utf-8''%EC%95%88.txt

            second
            {line}--

            """);
        Assert.Equal("from=Ann <a@b.c>|to=안녕@b.c|subject=hello", Show(form));
        Assert.Equal(
            [("attachment", "안녕.txt", "text/plain", 5L), ("attachment", "안.txt", null, 6L)],
            form.Files.Select(file => (file.Field, file.Name, file.ContentType, file.Octets)));
    }

    [Fact]
    public async Task File_LargerThanItsMemory_ComesBackWholeAndLeavesNoName()
    {
        var octets = new byte[300_000];
        new Random(1).NextBytes(octets);
        byte[] body =
        [
            .. "--x\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n"u8, .. octets,
            .. "\r\n--x--"u8,
        ];
        await using var form = await ReadAsync("multipart/form-data; boundary=x", body);
        var read = new MemoryStream();
        await Assert.Single(form.Files).Read().CopyToAsync(read, Cancel);
        Assert.Equal(octets, read.ToArray());
        Assert.Empty(Directory.EnumerateFiles(directory.PathOf("")));
    }

    [Theory]
    [InlineData("multipart/form-data", "--x--")]
    [InlineData("multipart/form-data; boundary=x", "no boundary anywhere")]
    [InlineData(
        "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\ncut")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nX: y\r\n\r\nz\r\n--x--")]
    [InlineData("application/json", "{}")]
    public async Task Body_ThatIsNoForm_Is400(string type, string body) =>
        Assert.Equal(400, (await RefusedAsync(type, Encoding.UTF8.GetBytes(body))).Status);

    [Fact]
    public async Task Body_ThatUnpacksToTooMuch_Is413()
    {
        byte[] body =
        [
            .. "--x\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n"u8, .. new byte[20 << 20],
            .. "\r\n--x--"u8,
        ];
        Assert.Equal(413, (await RefusedAsync("multipart/form-data; boundary=x", Pack(body), "gzip")).Status);
    }

    [Fact]
    public async Task Pairs_ThatUnpackToTooMuch_Are413() => Assert.Equal(413, (await RefusedAsync(
        "application/x-www-form-urlencoded", Pack(new byte[200 << 20]), "gzip")).Status);

    [Fact]
    public async Task Fields_TooMany_Are400() => Assert.Equal(400, (await RefusedAsync(
        "application/x-www-form-urlencoded",
        Encoding.ASCII.GetBytes(string.Join('&', Enumerable.Repeat("a=b", 5000))))).Status);

    [Fact]
    public async Task Name_TooLong_Is400() => Assert.Equal(400, (await RefusedAsync(
        "application/x-www-form-urlencoded", Encoding.ASCII.GetBytes(new string('n', 2000) + "=1"))).Status);
}
