using System.IO.Pipelines;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;

namespace Postern.Tests.Inbound.Checks;

public sealed class SignedContentTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("\r\n")]
    [InlineData("\r\nBody\r\n")]
    [InlineData("Subject: a")]
    [InlineData("Subject: a\r\n")]
    [InlineData("Subject: a\r\n\r")]
    [InlineData("Subject: a\r\n\r\n")]
    [InlineData("Subject: a\r\nBody")]
    public void Content_OfAnyForm_IsRead(string text)
    {
        using var content = SampleMail.Read(Encoding.UTF8.GetBytes(text));
        Assert.Equal(text.StartsWith('S') ? 1 : 0, content.Header.Named("subject").Count);
    }

    [Fact]
    public async Task Reader_InSegments_GivesTheSameHash()
    {
        using var mail = new SampleMail();
        var body = string.Concat(Enumerable.Repeat("a  line of text \r\n\r\n", 5000));
        var octets = Encoding.UTF8.GetBytes(
            $"{mail.Sign("c=relaxed/relaxed; h=from", body: body)}{SampleMail.Head}\r\n{body}");
        using var stored = new PooledContent();
        stored.Append(octets);
        var reader = stored.OpenReader();
        using var content = await SignedContent.ReadAsync(reader, Cancel);
        await reader.CompleteAsync();
        using var whole = SampleMail.Read(octets);
        Assert.Equal(
            whole.BodyHashOf(SignedForm.Relaxed, null)!, content.BodyHashOf(SignedForm.Relaxed, null)!);
        Assert.Equal(
            content.Signatures[0].BodyHash, content.BodyHashOf(SignedForm.Relaxed, null)!);
    }

    [Fact]
    public void Body_OfFiftyMebibytes_IsNotHeld()
    {
        using var mail = new SampleMail();
        var head = Encoding.UTF8.GetBytes(
            $"{mail.Sign("c=relaxed/relaxed; h=from")}{mail.Sign("h=from; l=7")}{SampleMail.Head}\r\n");
        var piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("0123456789abcdef\r\n", 1000)));
        using var content = new SignedContent();
        content.Append(head);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var pieces = (50 << 20) / piece.Length;
        for (var i = 0; i < pieces; i++)
            content.Append(piece);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 10);
        content.Complete();
        Assert.Equal((long)pieces * piece.Length, content.BodyOctetsOf(SignedForm.Relaxed));
    }

    [Fact]
    public void Body_ThatNobodySigned_IsNotHashed()
    {
        using var content = SampleMail.Read(SampleMail.Head, SampleMail.Body);
        Assert.Null(content.BodyHashOf(SignedForm.Simple, null));
        Assert.Null(content.BodyHashOf(SignedForm.Relaxed, null));
    }

    [Fact]
    public void Lengths_Several_AreHashedInOnePass()
    {
        using var hash = new BodyHash(SignedForm.Simple, [3, 0, 100, 3]);
        hash.Append("abcdef"u8);
        hash.Complete();
        Assert.Equal(Sha256(""), hash.Of(0)!);
        Assert.Equal(Sha256("abc"), hash.Of(3)!);
        Assert.Equal(Sha256("abcdef\r\n"), hash.Of(null)!);
        Assert.Null(hash.Of(100));
        Assert.Equal(8, hash.Octets);
    }

    [Fact]
    public async Task Reader_ThatIsEmpty_IsAMailWithoutHeader()
    {
        using var content = await SignedContent.ReadAsync(PipeReader.Create(Stream.Null), Cancel);
        Assert.Empty(content.Header.Fields);
        Assert.False(content.Header.IsTorn);
    }

    static byte[] Sha256(string text) =>
        System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(text));
}
