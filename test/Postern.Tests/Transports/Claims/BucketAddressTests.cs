using Postern.Mta.Queue;
using Postern.Mta.Transports.Claims;

namespace Postern.Tests.Transports.Claims;

public sealed class BucketAddressTests
{
    [Theory]
    [InlineData("gs://mail", "gs://mail/000000000YGJ0.eml")]
    [InlineData("gs://mail/", "gs://mail/000000000YGJ0.eml")]
    [InlineData("s3://my_mail.example/in/2026//", "s3://my_mail.example/in/2026/000000000YGJ0.eml")]
    public void Address_OfAMessage_IsBelowThePrefix(string text, string expected)
    {
        Assert.True(BucketAddress.TryParse(text, out var address, out _));
        Assert.Equal(expected, address.AddressOf(address.KeyOf(new QueueId(1_000_000))));
    }

    [Theory]
    [InlineData("mail")]
    [InlineData("az://mail/x")]
    [InlineData("gs://")]
    [InlineData("gs://Mail")]
    [InlineData("gs://-mail")]
    [InlineData("s3://mail/../other")]
    [InlineData("s3://mail/a//b")]
    [InlineData("s3://mail/a b")]
    [InlineData("s3://mail/a?b")]
    [InlineData("s3://mail/a%2fb")]
    [InlineData("s3://user@mail/a")]
    public void Text_ThatIsNoBucket_IsRefusedInWords(string text)
    {
        Assert.False(BucketAddress.TryParse(text, out _, out var mend));
        Assert.NotEmpty(mend);
    }
}
