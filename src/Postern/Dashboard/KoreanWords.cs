using System.Globalization;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed partial class KoreanWords : Words
{
    public override string Language => "ko";
    public override string SkipToContent => "본문으로 건너뛰기";
    public override string Menu => "메뉴";
    public override string Overview => "현황";
    public override string Messages => "메시지";
    public override string Queue => "큐";
    public override string Transports => "전송 경로";
    public override string Routes => "라우팅";
    public override string Inbound => "수신";
    public override string Suppressions => "발송 차단 목록";
    public override string Domains => "도메인과 키";
    public override string Sandbox => "샌드박스";
    public override string Settings => "설정";
    public override string Audit => "감사 기록";
    public override string Users => "사용자";
    public override string SignOut => "로그아웃";

    public override string NameOf(OperatorRole role) => role switch
    {
        OperatorRole.Admin => "관리자",
        OperatorRole.Operator => "운영자",
        _ => "조회자",
    };

    public override string Done => "처리했습니다.";
    public override string DoneTo(long count) => $"{Number(count)}건을 처리했습니다.";
    public override string Refused => "처리하지 못했습니다.";
    public override string NotFoundTitle => "찾을 수 없음";
    public override string NotFound => "이 주소에는 아무것도 없거나, 보관 기간이 지났습니다.";
    public override string NotAllowedTitle => "권한 없음";
    public override string NotAllowed => "현재 역할로는 할 수 없는 작업입니다. 관리자에게 문의하세요.";

    public override string No => "아니요";
    public override string None => "없음";
    public override string Next => "다음 페이지";
    public override string First => "첫 페이지";
    public override string Show => "보기";
    public override string State => "상태";
    public override string Since => "시작";
    public override string Until => "예정 시각";
    public override string Time => "시각";
    public override string Sender => "보낸 사람";
    public override string Recipient => "받는 사람";
    public override string Subject => "제목";
    public override string Transport => "전송 경로";
    public override string Route => "라우트";
    public override string Why => "이유";
    public override string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public override string Length(TimeSpan length) => length switch
    {
        { TotalSeconds: < 0.9995 } => string.Create(
            CultureInfo.InvariantCulture, $"{length.TotalMilliseconds:0.#}ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{length.TotalSeconds:0.#}초"),
        { TotalHours: < 1 } => $"{length.Minutes}분 {length.Seconds}초",
        { TotalDays: < 1 } => $"{length.Hours}시간 {length.Minutes}분",
        _ => $"{(int)length.TotalDays}일 {length.Hours}시간",
    };
}
